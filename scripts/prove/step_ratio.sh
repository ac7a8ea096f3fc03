#!/usr/bin/env bash
# A training step of voxlift beside the same network in plain PyTorch, on the same
# threads, float32: programs alternate, the figure of a case is the median ratio of
# ROUNDS=5 pairs of STEPS=3 steps. It must reach the case's limit. Peak memory is
# shown, too; step_memory.sh and task_step_ratio.sh are the same race with another
# judge (JUDGE=speed or memory; LIMIT for all cases).
#   CASES="name ..." (default: all), THREADS="1 2", PYTHON and the numbers above can
#   be changed by the environment. Wants idle cores; needs python3-torch, and
#   python3-torchvision for mp3d18ba.
. "$(dirname "$0")/prelude.sh"
ROUNDS=${ROUNDS:-5}
STEPS=${STEPS:-3}
THREADS=${THREADS:-1 2}
PYTHON=${PYTHON:-/usr/bin/python3}
JUDGE=${JUDGE:-speed}
CASES=${CASES:-resnet18_224 resnet18_64 resnet50_224 lidc_48 unet18 mp3d18ba}
"$PYTHON" -c 'import torch, torchvision' 2>/dev/null || {
	echo "$NAME: install python3-torch and python3-torchvision" >&2
	exit 2
}

# case_of NAME: what ours is told, what both are told, the peer's network, the limit.
case_of() {
	case $1 in
	resnet18_224) ours="--depth 18" both="--shape 3,224,224 --slot-batch 4 --classes 1000" peer=resnet3d18 limit=1.15 ;;
	resnet18_64) ours="--depth 18" both="--shape 3,64,64 --slot-batch 16 --classes 1000" peer=resnet3d18 limit=1.15 ;;
	resnet50_224) ours="--depth 50" both="--shape 3,224,224 --slot-batch 2 --classes 1000" peer=resnet3d50 limit=1.1 ;;
	lidc_48) ours="--depth 18 --depth-stride true" both="--shape 48,48,48 --slot-batch 8 --classes 2" peer="resnet3d18 --depth-stride 1" limit=1.05 ;;
	unet18) ours="--task segmentation --network unet3d --depth 18" both="--shape 32,128,128 --slot-batch 1 --classes 2" peer=unet3d18 limit=1.05 ;;
	mp3d18ba) ours="--task detection --network mp3d --depth 18ba --norm gn" both="--shape 9,256,256 --slot-batch 1 --classes 1" peer=mp3d18ba limit=1.05 ;;
	*) echo "$NAME: no case '$1'" >&2 && exit 2 ;;
	esac
}

ok=0
for threads in $THREADS; do
	for name in $CASES; do
		case_of "$name"
		rm -f "$WORK/ours" "$WORK/peer"
		common="$both --threads $threads --warmup 1 --steps $STEPS"
		for ((round = 0; round < ROUNDS; ++round)); do
			# shellcheck disable=SC2086
			"$BIN/voxlift" bench train.step $ours $common --alone false >>"$WORK/ours"
			# shellcheck disable=SC2086
			OMP_NUM_THREADS=$threads "$PYTHON" "$ROOT/scripts/bench/step_peer.py" --network $peer $common >>"$WORK/peer"
		done
		"$PYTHON" - "$WORK/ours" "$WORK/peer" "$name" "$threads" "${LIMIT:-$limit}" "$JUDGE" <<'PY' || ok=1
import json, statistics, sys


def values(path, key):
    return [json.loads(line)[key] for line in open(path)]


def ratio(key):
    return statistics.median(b / a for a, b in zip(values(ours, key), values(peer, key)))


ours, peer, name, threads, limit, judge = sys.argv[1:]
memory = 1 / ratio("peak_memory_bytes")
print(f"step_ratio {name}, {threads} threads: {ratio('median'):.2f} times PyTorch's speed"
      f" (want {limit}; in processor time {ratio('cpu_s'):.2f}),"
      f" {statistics.median(values(ours, 'median')):.3f} s against"
      f" {statistics.median(values(peer, 'median')):.3f} s a step;"
      f" peak memory {memory:.2f} of PyTorch's (want 0.8),"
      f" {statistics.median(values(ours, 'peak_memory_bytes')) / 1e9:.2f} GB", flush=True)
sys.exit(memory > 0.8 if judge == "memory" else ratio("median") < float(limit))
PY
	done
done
exit $ok
