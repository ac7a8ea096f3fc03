#!/usr/bin/env bash
# exact_tasks.sh [KILLS]: fine-tuning ends in the same bits of weights and
# optimizer on 1, 2 and 4 ranks at 4 slots, and after KILLS (4) SIGKILLs of a
# random rank at a random instant, for each task, from pre-trained weights where
# they fit:
#   classification  dropout, shifted crops, mirrorings, quarter turns, zoom
#   segmentation    dropped channels, crops around the foreground, mirrorings, zoom
#   detection       several sides, dropped slots, random anchors and proposals
. "$(dirname "$0")/prelude.sh"
. "$(dirname "$0")/mpi_env.sh"
KILLS=${1:-4}
RANDOM=${SEED:-1}
STEPS=12

quiet() { "$@" >>"$WORK/quiet.log" 2>&1; }

# pack SOURCE LAYOUT OUT [OPTION...]
pack() {
	local source=$1 layout=$2 out=$3
	shift 3
	quiet "$BIN/voxlift" pack --source "$source" --layout "$layout" --out "$out" "$@"
}

small_world
EPOCHS=1 SLOTS=1 tiny_run "$WORK/pretrained" 1
# 22 scans or 26 pictures are no multiple of a step's samples: last steps are short.
quiet "$BIN/voxlift" synth volumes --out "$WORK/scans" --classes 2 --train-per-class 11 --val-per-class 2 --size 24
quiet "$BIN/voxlift" synth boxes --out "$WORK/squares" --train 26 --val 6
for split in train val; do
	pack "$WORK/scans/$split.csv" volumes "$WORK/classification_$split"
	pack "$WORK/scans/$split.csv" manifest "$WORK/segmentation_$split" --mask-classes tissue,nodule
	pack "$WORK/squares/$split.json" coco "$WORK/detection_$split"
done

options_of() { # TASK
	local scans="--init.weights $WORK/pretrained --init.min_matched_frac 1 --volume.shape 16,16,16
		--volume.flip_width_prob 0.5 --volume.min_zoom 0.9 --volume.max_zoom 1.1 --batch.slot_batch 2"
	case $1 in
	classification) echo "--config $ROOT/configs/smoke_finetune.cfg --model.dropout 0.4 $scans" ;;
	segmentation) echo "--config $ROOT/configs/smoke_segmentation.cfg --model.dropout 0.3 --volume.foreground_frac 0.7 $scans" ;;
	detection) echo "--config $ROOT/configs/smoke_detection.cfg --slices.train_sides 48,64" ;;
	esac
}

# tune TASK OUT RANKS
tune() {
	# shellcheck disable=SC2046 # Options are words.
	"$BIN/voxlift-launch" -n "$3" --max-restarts 5 --backoff 0.1 -- train $(options_of "$1") \
		--data.train "$WORK/$1_train" --data.val "$WORK/$1_val" --run.out "$2" --run.seed 11 \
		--batch.slots 4 --run.max_steps $STEPS --run.epochs 9 --checkpoint.every_steps 3 >>"$2.log" 2>&1
}

ranks_of() { pgrep -f "voxlift-trainer train .*--run.out $1 " || true; }

# kill_one OUT RANKS SPAN_MS: when all ranks are up, after a random part of SPAN_MS.
kill_one() {
	local victims delay_ms=$((RANDOM % $3)) end=$(($(date +%s) + 60))
	until [ "$(ranks_of "$1" | wc -l)" = "$2" ]; do
		[ "$(date +%s)" -lt $end ] && [ ! -e "$1/result.json" ] || return 0
		sleep 0.01
	done
	sleep "$((delay_ms / 1000)).$(printf %03d $((delay_ms % 1000)))"
	mapfile -t victims < <(ranks_of "$1")
	[ ${#victims[@]} -gt 0 ] && [ ! -e "$1/result.json" ] || return 0
	kill -KILL "${victims[RANDOM % ${#victims[@]}]}" 2>/dev/null || return 0
	fired=$((fired + 1))
}

good=0 total=0
compare() { # TASK OUT WHAT
	local got
	got=$(weights_digest "$2" $STEPS)
	total=$((total + 1))
	[ "$got" != "$want" ] || good=$((good + 1))
	echo "$1, $3: $got"
}

# kill_runs TASK SPAN_MS: on 2 and 4 ranks in turn.
kill_runs() {
	local fired=0 before ranks out run i
	for ((i = 1; fired < KILLS && i <= 5 * KILLS; i++)); do
		out=$WORK/$1_kill$i ranks=$((2 + 2 * (i % 2))) before=$fired
		tune "$1" "$out" $ranks &
		run=$!
		kill_one "$out" $ranks "$2"
		wait $run
		if [ $fired != $before ]; then
			compare "$1" "$out" "$ranks ranks, one killed"
			grep -q "restart" "$out.log" || echo "  (it was at its end already)"
		fi
		rm -rf "$out"
	done
	kills=$((kills + fired))
}

kills=0
for task in classification segmentation detection; do
	begin_ms=$(date +%s%3N)
	tune $task "$WORK/$task" 1
	span_ms=$(($(date +%s%3N) - begin_ms))
	want=$(weights_digest "$WORK/$task" $STEPS)
	echo "$task, 1 rank, uninterrupted: $want in $span_ms ms"
	for ranks in 2 4; do
		tune $task "$WORK/${task}_$ranks" $ranks
		compare $task "$WORK/${task}_$ranks" "$ranks ranks"
	done
	kill_runs $task $span_ms
done
echo "exact_tasks: $good of $total runs on 2 or 4 ranks end in the bits of 1 rank, uninterrupted; $kills ranks killed"
[ $good = $total ] && [ $kills -ge $((3 * KILLS)) ]
