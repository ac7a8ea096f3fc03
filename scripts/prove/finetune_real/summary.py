"""Tells what scripts/prove/finetune_real.sh measured for one task.

    summary.py TASK SCORE TRIVIAL RUNS

RUNS: lines "START SEED VALUE", START being scratch or pretrained. Prints per start the
values, their mean with its 95 % interval over the seeds (Student's t) and, paired by
seed, what pre-training adds. Exit code 1 where a run is not above TRIVIAL.
"""
import sys

import numpy as np
from scipy import stats


def interval_text(values):
    """Mean and 95 % interval; one value has none."""
    if len(values) < 2:
        return f"{np.mean(values):.3f} (one seed)"
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return f"{np.mean(values):.3f} +- {half:.3f}"


def main():
    task, score, trivial, path = sys.argv[1:5]
    runs = {"scratch": {}, "pretrained": {}}
    with open(path, encoding="utf-8") as lines:
        for start, seed, value in map(str.split, lines):
            runs[start][int(seed)] = float(value)
    for start, values in runs.items():
        each = ", ".join(f"{values[seed]:.3f}" for seed in sorted(values))
        print(f"{task} {start}: {score} {each}; mean {interval_text(list(values.values()))}")
    added = [runs["pretrained"][seed] - runs["scratch"][seed] for seed in sorted(runs["scratch"])]
    least = min(min(values.values()) for values in runs.values())
    print(f"{task}: pre-training adds {interval_text(added)} over {len(added)} seeds;"
          f" the worst run {least:.3f}, trivial {float(trivial):.3f}")
    sys.exit(0 if least > float(trivial) else 1)


main()
