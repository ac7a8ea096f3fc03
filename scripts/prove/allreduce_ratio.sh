#!/usr/bin/env bash
# All-reduce of 128 MB between two ranks of this machine: at least 2 times as
# fast as MPI_Allreduce and 3 times as gloo's; the exact tree at most 1.15 times
# as long as the fast way. All take turns; PAIRS (7) turns, medians.
. "$(dirname "$0")/prelude.sh"
# shellcheck source=scripts/prove/mpi_env.sh
. "$ROOT/scripts/prove/mpi_env.sh"
bytes=134217728
for _ in $(seq "${PAIRS:-7}"); do
	mpirun -n 2 "$BIN/voxlift" bench comm.allreduce --sizes $bytes --rounds 5 \
		--ways exact,fast,exact_copied,mpi 2>>"$WORK/log"
	/usr/bin/python3 "$ROOT/scripts/bench/gloo_allreduce.py" --bytes $bytes \
		--rounds 5 2>>"$WORK/log"
done >"$WORK/lines"
/usr/bin/python3 - "$WORK/lines" <<'PYTHON'
import json
import statistics
import sys

turns = {}
for line in open(sys.argv[1]):
    figure = json.loads(line)
    turns.setdefault(figure["way"], []).append(figure["median"])
for way, seconds in turns.items():
    print(f"{way}: {1e3 * statistics.median(seconds):.0f} ms "
          f"({1e3 * min(seconds):.0f} to {1e3 * max(seconds):.0f})")


def ratio(slow, fast):
    return statistics.median(s / f for s, f in zip(turns[slow], turns[fast]))


to_mpi, to_gloo = ratio("mpi", "exact"), ratio("gloo", "exact")
to_fast = ratio("exact", "fast")
print(f"from ordinary memory: {ratio('mpi', 'exact_copied'):.2f} x MPI, "
      f"{ratio('gloo', 'exact_copied'):.2f} x gloo")
print(f"allreduce_ratio: 128 MB, 2 ranks: {to_mpi:.2f} times MPI_Allreduce "
      f"(at least 2), {to_gloo:.2f} times gloo (at least 3); exact takes "
      f"{to_fast:.2f} of fast (at most 1.15)")
sys.exit(0 if to_mpi >= 2 and to_gloo >= 3 and to_fast <= 1.15 else 1)
PYTHON
