#!/usr/bin/env bash
# An interrupted run ends in the same bits as an uninterrupted one: 20 SIGKILLs
# of a random rank at a random instant, and kills at the first step of an epoch,
# the last, and one past it.
. "$(dirname "$0")/prelude.sh"
KILLS=${1:-20}
RANDOM=${SEED:-1}
small_world
tiny_run "$WORK/whole" 2
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

for ((i = 1; i <= KILLS; i++)); do
	out=$WORK/kill$i
	tiny_run "$out" 2 &
	run=$!
	delay=$(printf '%d.%03d' $((RANDOM % 4)) $((RANDOM % 1000)))
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
echo "exact_resume: $good of $total interrupted runs end in the same bits ($fired of $KILLS random kills hit a running rank, 3 at epoch borders)"
[ "$good" = "$total" ] && [ "$fired" -ge $((KILLS * 3 / 4)) ]
