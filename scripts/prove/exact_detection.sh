#!/usr/bin/env bash
# A detector's weights are the same bits on 1, 2 and 4 ranks at 4 slots, and after
# kills at three steps, with several sides, dropped slots and the random samplers
# of anchors and proposals.
. "$(dirname "$0")/prelude.sh"
. "$(dirname "$0")/mpi_env.sh"
"$BIN/voxlift" synth boxes --out "$WORK/squares" --train 26 --val 6 >/dev/null 2>&1
for split in train val; do
	"$BIN/voxlift" pack --source "$WORK/squares/$split.json" --layout coco \
		--out "$WORK/$split" >/dev/null 2>&1
done

# detect OUT RANKS [OPTION...]: 26 pictures in steps of 8, 4 steps an epoch, 12
# steps.
detect() {
	local out=$1 ranks=$2
	shift 2
	"$BIN/voxlift-launch" -n "$ranks" --max-restarts 5 -- train \
		--config "$ROOT/configs/smoke_detection.cfg" \
		--data.train "$WORK/train" --data.val "$WORK/val" --run.out "$out" \
		--run.epochs 3 --run.seed 11 --slices.train_sides 48,64 \
		--checkpoint.every_steps 3 "$@" >>"$out.log" 2>&1
}

good=0 total=0
compare() { # OUT WHAT
	local got
	got=$(weights_digest "$1" 12)
	echo "$2: $got"
	total=$((total + 1))
	[ "$got" != "$want" ] || good=$((good + 1))
}

detect "$WORK/whole" 1
want=$(weights_digest "$WORK/whole" 12)
echo "1 rank, uninterrupted: $want"
for ranks in 2 4; do
	detect "$WORK/r$ranks" $ranks
	compare "$WORK/r$ranks" "$ranks ranks"
done
for step in 2 4 11; do
	detect "$WORK/step$step" 2 --run.fault "kill@step=$step,rank=$((step % 2))"
	grep -q "rank.* lost\|restart" "$WORK/step$step.log" || {
		echo "no kill at step $step"
		exit 1
	}
	compare "$WORK/step$step" "2 ranks, one killed at step $step"
done
echo "exact_detection: $good of $total runs on other worlds or after a kill end in the same bits"
[ $good = $total ]
