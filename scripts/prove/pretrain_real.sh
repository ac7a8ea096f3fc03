#!/usr/bin/env bash
# Pre-training on real photographs (ten ImageNet classes) through the same
# commands: the training loss falls and held-out top-1 is well above chance.
. "$(dirname "$0")/prelude.sh"
photos=$SHARED/data/natural/imagenette224
[ -d "$photos" ] || { echo "pretrain_real: no photographs in $photos"; exit 2; }
for split in train val; do
	"$BIN/voxlift-launch" -n 2 -- pack --source "$photos/$split" --layout folders --out "$WORK/$split" 2>&1 | grep '^packed'
	"$BIN/voxlift" verify "$WORK/$split"
done
"$BIN/voxlift-launch" -n 2 -- train --config "$ROOT/configs/prove_pretrain_real.cfg" \
	--data.train "$WORK/train" --data.val "$WORK/val" --run.out "$WORK/run" >"$WORK/log" 2>&1 || {
	tail -n 5 "$WORK/log"
	exit 1
}
grep -oE 's[0-9]+ evaluation: .*' "$WORK/log"
loss_of_epoch() { # FIRST|LAST: mean training loss of that epoch
	grep '"type":"step"' "$WORK/run/log.jsonl" | sed 's/.*"epoch":\([0-9]*\),.*"loss":\([0-9.]*\),.*/\1 \2/' |
		awk -v which="$1" '{ n[$1]++; sum[$1] += $2; last = $1 } END { e = which == "FIRST" ? 0 : last; printf "%.3f", sum[e] / n[e] }'
}
first=$(loss_of_epoch FIRST) last=$(loss_of_epoch LAST)
top1=$(sed -n 's/.*"top1": \([0-9.]*\).*/\1/p' "$WORK/run/result.json")
top5=$(sed -n 's/.*"top5": \([0-9.]*\).*/\1/p' "$WORK/run/result.json")
wait=$(grep '"type":"finished"' "$WORK/run/log.jsonl" | sed 's/.*"data_wait_frac":\([0-9.e-]*\).*/\1/')
echo "data-wait share $wait; top-5 $top5"
echo "pretrain_real: training loss $first -> $last, held-out top-1 $top1 of 500 pictures in 10 classes (chance 0.1)"
awk "BEGIN { exit !($last < 0.85 * $first && $top1 >= 0.25) }"
