#!/usr/bin/env bash
# A training step of MP3D18ba-FPN (1 x 9 x 256 x 256) takes no longer than in plain
# PyTorch with torchvision's heads, on the same threads. The two programs
# alternate; the figure is the median ratio of ROUNDS=5 pairs of STEPS=2 steps.
# SHAPE=9,256,256 and THREADS=1 can be changed by the environment.
. "$(dirname "$0")/prelude.sh"
ROUNDS=${ROUNDS:-5}
SHAPE=${SHAPE:-9,256,256}
common=(--slot-batch 1 --shape "$SHAPE" --threads "${THREADS:-1}" --warmup 1 --steps "${STEPS:-2}")
/usr/bin/python3 -c 'import torchvision' 2>/dev/null || {
	echo "$NAME: install python3-torchvision" >&2
	exit 2
}
for ((round = 0; round < ROUNDS; ++round)); do
	"$BIN/voxlift" bench train.step --task detection --network mp3d --depth 18ba --norm gn \
		--classes 1 --alone false "${common[@]}" >>"$WORK/ours"
	/usr/bin/python3 "$ROOT/scripts/bench/detector_peer.py" "${common[@]}" >>"$WORK/peer"
	tail -qn 1 "$WORK/ours" "$WORK/peer"
done
/usr/bin/python3 - "$WORK/ours" "$WORK/peer" "$SHAPE" <<'PY'
import json, statistics, sys


def values(path, key):
    return [json.loads(line)[key] for line in open(path)]


def ratio(key):
    return statistics.median(b / a for a, b in zip(values(ours, key), values(peer, key)))


ours, peer, shape = sys.argv[1:]
print(f"task_step_ratio_detection: {ratio('median'):.2f} times PyTorch's speed (want 1.0; in"
      f" processor time {ratio('cpu_s'):.2f}): MP3D18ba-FPN, {shape},"
      f" {statistics.median(values(ours, 'median')):.2f} s against"
      f" {statistics.median(values(peer, 'median')):.2f} s a step")
sys.exit(ratio("median") < 1.0)
PY
