#!/usr/bin/env bash
# kills.sh [N]: N SIGKILLs (100) of a random rank, half of them at a random
# instant, half aimed at a checkpoint that is being written. Runs of 60 steps
# with a checkpoint every 2, up to 10 kills each: every one ends in the bits of
# the uninterrupted run, no published checkpoint is ever found damaged, and
# `voxlift verify` finds every folder good.
. "$(dirname "$0")/prelude.sh"
KILLS=${1:-100}
PER_RUN=10
RANDOM=${SEED:-1}
export EPOCHS=12
STEPS=60
small_world

# run OUT: 2 ranks, which share the bytes of each checkpoint.
run() {
	"$BIN/voxlift-launch" -n 2 --max-restarts 50 --backoff 0.1 -- train \
		--data.train "$WORK/train" --data.val "$WORK/val" --run.out "$1" \
		--run.epochs $EPOCHS --run.seed 11 --batch.slots 4 --batch.slot_batch 3 \
		--model.stem_channels 8 --model.base_channels 8 --photo.image_size 32 \
		--photo.eval_resize_short 36 --schedule.lr 0.05 --eval.every_epochs 4 \
		--checkpoint.every_steps 2 --checkpoint.align_kb 16 >>"$1.log" 2>&1
}

ranks_of() { pgrep -f "voxlift-trainer train .*--run.out $1 " || true; }

being_written() { compgen -G "$1/checkpoints/tmp_step_*" >/dev/null; }

# wait_for SECONDS COMMAND...: until it succeeds; fails when they have passed.
wait_for() {
	local end=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt $end ] || return 1
		sleep 0.003
	done
}

two_ranks() { [ "$(ranks_of "$1" | wc -l)" = 2 ]; }

ended() { [ -e "$1/result.json" ]; }

begin_ms=$(date +%s%3N)
run "$WORK/whole"
span_ms=$(($(date +%s%3N) - begin_ms))
want=$(weights_digest "$WORK/whole" $STEPS)
echo "uninterrupted: $want in $span_ms ms"

# kill_one OUT AIMED: waits for its instant and kills; tells whether it hit.
kill_one() {
	local out=$1 victims victim
	wait_for 60 two_ranks "$out" || return 0
	mapfile -t victims < <(ranks_of "$out")
	if [ "$2" = 1 ]; then
		wait_for 20 being_written "$out" || return 0
		sleep "0.0$((RANDOM % 5))$((RANDOM % 10))"
	else
		local delay_ms=$((RANDOM % span_ms))
		sleep "$((delay_ms / 1000)).$(printf %03d $((delay_ms % 1000)))"
	fi
	[ ${#victims[@]} -gt 0 ] || return 0
	victim=${victims[RANDOM % ${#victims[@]}]}
	kill -KILL "$victim" 2>/dev/null || return 0
	fired=$((fired + 1))
	! being_written "$out" || writing=$((writing + 1))
}

fired=0 writing=0 runs=0 good=0 torn=0
while [ $fired -lt "$KILLS" ] && [ $runs -lt "$KILLS" ]; do
	runs=$((runs + 1))
	out=$WORK/run$runs
	before=$fired
	begin_ms=$(date +%s%3N)
	run "$out" &
	pid=$!
	for ((i = 0; i < PER_RUN && fired < KILLS; i++)); do
		ended "$out" || kill_one "$out" $((i % 2))
	done
	code=0
	wait $pid || code=$?
	# A run that was not hit was faster than the one that delays are drawn from.
	[ $fired != $before ] || span_ms=$(($(date +%s%3N) - begin_ms))
	got=none
	[ $code != 0 ] || got=$(weights_digest "$out" $STEPS)
	damaged=$(grep -c "is damaged" "$out.log" || true)
	"$BIN/voxlift" verify "$out" >"$out.verify" 2>&1 || damaged=$((damaged + 1))
	torn=$((torn + damaged))
	echo "run $runs: $((fired - before)) kills, $got, $damaged damaged checkpoints"
	[ "$got" != "$want" ] || { good=$((good + 1)) && rm -rf "$out"; }
done
echo "kills: $good of $runs runs end in the uninterrupted run's bits after $fired kills, $writing of them while a checkpoint was being written; $torn torn checkpoints"
[ $good = $runs ] && [ "$fired" -ge "$KILLS" ] && [ $torn = 0 ]
