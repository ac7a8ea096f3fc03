#!/usr/bin/env bash
# What a training loses to a checkpoint, beside a torch.save of the same tensors
# on the same disk: ResNet3D-18 with momentum, 33 million parameters. The two
# programs alternate; PAIRS (5) of them with 3 checkpoints each.
. "$(dirname "$0")/prelude.sh"
PAIRS=${PAIRS:-5}
PEER=
for python in ${PYTHON:-} python3 /usr/bin/python3; do
	"$python" -c "import torch, numpy" 2>/dev/null && PEER=$python && break
done
[ -n "$PEER" ] || { echo "checkpoint_stall: no Python with PyTorch (apt-get install python3-torch)" >&2; exit 2; }
for ((i = 0; i < PAIRS; i++)); do
	rm -rf "$WORK/bench"
	"$BIN/voxlift" bench train.checkpoint --out "$WORK/bench" --rounds 3 \
		>>"$WORK/ours" 2>"$WORK/bench.log"
	"$PEER" "$ROOT/scripts/bench/torch_save.py" \
		"$(ls -d "$WORK"/bench/checkpoints/step_* | tail -1)" "$WORK/torch.pt" 3 >>"$WORK/theirs"
	rm -f "$WORK/torch.pt"
done
python3 - "$WORK/ours" "$WORK/theirs" <<'EOF'
import json, statistics, sys

ours = [json.loads(line) for line in open(sys.argv[1])]
theirs = [json.loads(line) for line in open(sys.argv[2])]


def medians(name):
    return [line["median"] for line in ours if line["name"] == f"train.checkpoint.{name}"]


stalls = medians("stall")
saves = [statistics.median(line["seconds"]) for line in theirs]
shares = [a / b for a, b in zip(stalls, saves)]
for stall, save, share in zip(stalls, saves, shares):
    print(f"stall {1000 * stall:.2f} ms, torch.save {1000 * save:.0f} ms: {100 * share:.2f} %")
print(f"a step while a checkpoint is copied {statistics.median(medians('step')):.3f} s, "
      f"without {statistics.median(medians('plain')):.3f} s; the checkpoint is there "
      f"after {statistics.median(medians('wall')):.2f} s")
share = statistics.median(shares)
print(f"checkpoint_stall: {100 * share:.2f} % of torch.save, median of {len(shares)} pairs, "
      f"{ours[0]['bytes'] / 1e6:.0f} MB (at most 2 %)")
sys.exit(0 if share < 0.02 else 1)
EOF
