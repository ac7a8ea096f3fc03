#!/usr/bin/env bash
# What a run says after its first step that a rank will need, beside the highest
# resident memory of the process at its end: within 15 % for ResNet3D-18 with
# SGD, with Adam, a mean of the weights and two local slots, and with stages
# computed again.
. "$(dirname "$0")/prelude.sh"
small_world
side=${SIDE:-112}

# run OUT OPTIONS...: one rank, 6 full steps and a short one.
run() {
	local out=$1
	shift
	"$BIN/voxlift" train --data.train "$WORK/train" --run.out "$out" \
		--run.epochs 1 --photo.image_size "$side" --checkpoint.every_steps 3 \
		"$@" >"$out.log" 2>&1
}

run "$WORK/sgd" --batch.slots 1 --batch.slot_batch 8
run "$WORK/adam" --batch.slots 2 --batch.slot_batch 4 --optim.kind adam --ema.decay 0.99
run "$WORK/again" --batch.slots 1 --batch.slot_batch 8 --model.checkpoint_activations true
/usr/bin/env python3 - "$WORK" <<'PYTHON'
import json
import sys

worst = 0.0
for name in ("sgd", "adam", "again"):
    lines = [json.loads(line) for line in open(f"{sys.argv[1]}/{name}/log.jsonl")]
    plan = next(line for line in lines if line["type"] == "memory_plan")
    peak = next(line for line in lines if line["type"] == "memory_peak")
    parts = ", ".join(f"{key} {plan[key] / 1e6:.0f}" for key in plan
                      if key not in ("type", "total"))
    print(f"{name}: planned {plan['total'] / 1e6:.0f} MB ({parts}), "
          f"highest {peak['host_bytes'] / 1e6:.0f} MB: {peak['of_plan']:.3f}")
    worst = max(worst, abs(peak["of_plan"] - 1.0))
print(f"memory_estimate: the highest is within {100 * worst:.1f} % of the plan "
      "(at most 15)")
sys.exit(0 if worst <= 0.15 else 1)
PYTHON
