"""Puts cases to voxlift-agree and compares its answers: the frame of metrics_agree*.py.

A case is (arrays, given): arrays become datasets of an HDF5 group, given its attributes.
"""
import dataclasses
import json
import subprocess
import sys
from typing import Callable, Optional

import h5py
import numpy as np


@dataclasses.dataclass
class Check:
    asked: str  # The program's check.
    cases: Callable  # cases(rng, count) yields cases.
    expected: Callable  # expected(arrays, given): the answer, as a dictionary.
    tolerance: float
    extra: Optional[Callable] = None  # extra(arrays, given, answer): a further difference.


def difference(ours, theirs):
    """Largest absolute difference; infinite where shapes or kinds differ.

    null in an answer is None, or NaN within a list.
    """
    if isinstance(theirs, dict):
        return max((difference(ours[key], value) for key, value in theirs.items()), default=0.0)
    if theirs is None or ours is None:
        return 0.0 if theirs is ours else np.inf
    if isinstance(theirs, list) and theirs and isinstance(theirs[0], dict):
        return max(map(difference, ours, theirs)) if len(ours) == len(theirs) else np.inf
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    if ours.shape != theirs.shape or (np.isnan(ours) != np.isnan(theirs)).any():
        return np.inf
    known = ~np.isnan(theirs)
    return float(np.abs(ours[known] - theirs[known]).max()) if known.any() else 0.0


def write_cases(path, cases):
    kept = []
    with h5py.File(path, "w") as file:
        for i, (arrays, given) in enumerate(cases):
            group = file.create_group(f"case_{i:05d}")
            for name, values in arrays.items():
                group[name] = values
            for name, value in given.items():
                group.attrs[name] = value
            kept.append((arrays, given))
    return kept


def run_check(name, check, program, folder, count):
    """Prints a line; returns how many cases disagree."""
    path = f"{folder}/{name}.h5"
    cases = write_cases(path, check.cases(np.random.default_rng(2026), count))
    out = subprocess.run([program, check.asked, path], check=True, capture_output=True, text=True)
    answers = [json.loads(line) for line in out.stdout.splitlines()]
    assert len(answers) == len(cases)
    worst, bad = 0.0, 0
    for answer, (arrays, given) in zip(answers, cases):
        far = np.inf
        if "error" not in answer:
            far = difference(answer, check.expected(arrays, given))
            far = max(far, check.extra(arrays, given, answer) if check.extra else 0.0)
        if not far <= check.tolerance:
            bad += 1
            print(f"  {name} {answer['case']}: off by {far} {answer.get('error', '')}")
        worst = max(worst, far)
    print(f"{name}: {len(cases)} cases, {bad} disagree, largest difference {worst:.2e}"
          f" (allowed {check.tolerance:.0e})")
    return bad


def main(checks):
    """PROGRAM FOLDER [CASES] of the command line; exit code 1 where a case disagrees."""
    program, folder = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 200
    bad = [run_check(name, check, program, folder, count) for name, check in checks.items()]
    sys.exit(1 if sum(bad) else 0)
