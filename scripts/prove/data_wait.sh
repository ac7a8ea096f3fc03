#!/usr/bin/env bash
# A training step never waits for data where decoding is faster than the step:
# the data-wait share of a run on full-size photographs is below 1 %.
. "$(dirname "$0")/prelude.sh"
original_photos 10
"$BIN/voxlift" train --data.train "$WORK/packed" --run.out "$WORK/run" \
	--run.epochs 3 --batch.slots 1 --batch.slot_batch 8 --data.workers 1 \
	--photo.image_size "${IMAGE_SIZE:-112}" --schedule.lr 0.01 \
	--checkpoint.every_steps 0 >"$WORK/log" 2>&1
# Steps but the first, which waits for the first batch.
python3 - "$WORK/run/log.jsonl" <<'PYTHON'
import json
import sys

lines = [json.loads(line) for line in open(sys.argv[1])]
steps = [line for line in lines if line["type"] == "step"]
wait = sum(s["data_wait_s"] for s in steps[1:]) / sum(s["step_s"] for s in steps[1:])
share = next(l for l in lines if l["type"] == "finished")["data_wait_frac"]
rate = sorted(s["img_per_s"] for s in steps)[len(steps) // 2]
print(f"{len(steps)} steps at {rate:.1f} img/s, the first batch after "
      f"{steps[0]['data_wait_s']:.2f} s")
print(f"data_wait: {100 * wait:.3f} % of the time from the second step on, "
      f"{100 * share:.2f} % of the whole run (want < 1 %)")
sys.exit(0 if wait < 0.01 and share < 0.01 else 1)
PYTHON
