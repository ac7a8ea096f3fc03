# Sourced by scripts/prove/finetune_real.sh: packing, training, both starts compared.

# pack OUT SOURCE LAYOUT [OPTION...]
pack() {
	local out=$1 source=$2 layout=$3
	shift 3
	"$BIN/voxlift" pack --source "$source" --layout "$layout" --out "$out" "$@" >"$out.log" 2>&1
}

# train CONFIG DATA OUT RANKS [OPTION...]: a run on DATA_train, scored on DATA_val.
# One that is there already is not made again.
train() {
	local config=$1 data=$2 out=$3 ranks=$4
	shift 4
	"$BIN/voxlift-launch" -n "$ranks" -- train --config "$ROOT/configs/$config.cfg" \
		--data.train "${data}_train" --data.val "${data}_val" --run.out "$out" \
		"$@" >>"$out.log" 2>&1 || {
		tail -n 5 "$out.log" >&2
		return 1
	}
}

# scores RUN EXPRESSION: prints that expression in Python of its final scores, s.
scores() {
	"$PYTHON" -c 'import json, sys
s = json.load(open(sys.argv[1]))["scores"]
print(eval(sys.argv[2]))' "$1/result.json" "$2"
}

# same_bits RUN RUN: weights and optimizer of their last checkpoints, and the scores.
same_bits() {
	local last part
	last=checkpoints/$(basename "$(ls -d "$1"/checkpoints/step_* | tail -n 1)")
	for part in model optimizer; do
		cmp "$1/$last/$part.safetensors" "$2/$last/$part.safetensors" || return 1
	done
	[ "$(scores "$1" s)" = "$(scores "$2" s)" ]
}

# Ten ImageNet classes, once for all tasks.
pretrain_photos() {
	local split
	[ ! -e "$PRETRAINED/photos/result.json" ] || return 0
	for split in train val; do
		pack "$PRETRAINED/photos_$split" "$PHOTOS/$split" folders
	done
	train prove_finetune_photos "$PRETRAINED/photos" "$PRETRAINED/photos" 2
	echo "photographs: top-1 $(scores "$PRETRAINED/photos" 's["top1"]') of 500 pictures in 10 classes"
}

# compare TASK DATA WEIGHTS TRIVIAL SCORE: both starts with every seed on two ranks,
# those of RANKS_SEEDS on one, too. measure_TASK RUN prints a run's SCORE and what
# else to tell. Fails where a run is not above TRIVIAL or where one and two ranks end
# in different bits.
compare() {
	local task=$1 data=$2 weights=$3 trivial=$4 score=$5
	local start seed run from found pairs=0 equal=0
	for seed in $SEEDS; do
		for start in scratch pretrained; do
			run=$WORK/$task.$start.$seed from=
			[ $start = scratch ] || from=$weights
			train "prove_finetune_$task" "$data" "$run" 2 --run.seed "$seed" --init.weights "$from"
			found=$("measure_$task" "$run")
			echo "$task $start seed $seed: $score $found"
			echo "$start $seed ${found%% *}" >>"$WORK/$task.runs"
			[[ " $RANKS_SEEDS " = *" $seed "* ]] || continue
			train "prove_finetune_$task" "$data" "$run.alone" 1 --run.seed "$seed" --init.weights "$from"
			pairs=$((pairs + 1))
			! same_bits "$run" "$run.alone" || equal=$((equal + 1))
		done
	done
	echo "$task: $equal of $pairs pairs of runs on 1 and on 2 ranks end in the same bits"
	"$PYTHON" "$HERE/summary.py" "$task" "$score" "$trivial" "$WORK/$task.runs" &&
		[ "$equal" = "$pairs" ]
}
