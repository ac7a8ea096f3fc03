#!/usr/bin/env bash
# An interrupted run ends in the same bits as an uninterrupted one: 20 SIGKILLs
# of a random rank at a random instant, and kills at the first step of an epoch,
# the last, and one past it.
. "$(dirname "$0")/prelude.sh"
KILLS=${1:-20}
RANDOM=${SEED:-1}
small_world
begin_ms=$(date +%s%3N)
tiny_run "$WORK/whole" 2
span_ms=$(($(date +%s%3N) - begin_ms))
want=$(weights_digest "$WORK/whole" 20)
echo "uninterrupted: $want"
good=0 fired=0 total=0

compare() { # OUT WHAT
	local got
	got=$(weights_digest "$1" 20)
	total=$((total + 1))
	[ "$got" != "$want" ] || good=$((good + 1))
	echo "$2: $got"
}

# An epoch has 5 steps: 5 is the first of the second epoch, 9 its last, 10 one past.
for step in 5 9 10; do
	tiny_run "$WORK/step$step" 2 --run.fault "kill@step=$step,rank=$((step % 2))"
	grep -q "rank.* lost\|restart" "$WORK/step$step.log" || { echo "no kill at step $step"; exit 1; }
	compare "$WORK/step$step" "killed at step $step"
done

# Until KILLS of them have hit a rank: some come before the ranks are up or late.
for ((i = 1; fired < KILLS && i <= 3 * KILLS; i++)); do
	out=$WORK/kill$i
	tiny_run "$out" 2 &
	run=$!
	delay_ms=$((RANDOM % span_ms))
	delay=$(printf '%d.%03d' $((delay_ms / 1000)) $((delay_ms % 1000)))
	sleep "$delay" # The random instant; nothing is synchronised by it.
	victims=($(pgrep -f "voxlift-trainer train .*--run.out $out " || true))
	what="not running any more"
	if [ ${#victims[@]} -gt 0 ]; then
		victim=${victims[RANDOM % ${#victims[@]}]}
		kill -KILL "$victim" 2>/dev/null && fired=$((fired + 1)) && what="one of ${#victims[@]} killed"
	fi
	wait $run
	compare "$out" "kill $i after $delay s ($what)"
	rm -rf "$out"
done
echo "exact_resume: $good of $total interrupted runs end in the same bits ($fired random kills of a running rank, 3 at epoch borders)"
[ "$good" = "$total" ] && [ "$fired" -ge "$KILLS" ]
