#!/usr/bin/env bash
# The same bits in weights, momentum and mean of the weights over 1, 2, 4 and 8
# ranks at 8 slots (so 8, 4, 2 and 1 slots are accumulated in a rank), with
# dropout, EMA, and batch norm per slot or over all slots; and where the world
# changes in the middle, 8 -> 4 -> 2 -> 8. 3 ranks are refused.
. "$(dirname "$0")/prelude.sh"
small_world
export SLOTS=8 SLOT_BATCH=2 EPOCHS=3 # 52 samples: 4 steps an epoch, the last of 4.
STEPS=12
same=0 refused=0

# compare WHAT OUT: counts OUT if it ends in the bits of the first of its kind.
compare() {
	local digest
	digest=$(weights_digest "$2" $STEPS)
	echo "$1: $digest"
	[ "${expected:=$digest}" != "$digest" ] || same=$((same + 1))
}

for norm in bn syncbn; do
	options=(--model.norm $norm --model.dropout 0.3 --ema.decay 0.9)
	expected=
	for ranks in 1 2 4 8; do
		tiny_run "$WORK/$norm$ranks" $ranks "${options[@]}"
		compare "$norm, $ranks ranks" "$WORK/$norm$ranks"
	done
	out=$WORK/$norm-changes
	tiny_run "$out" 8 "${options[@]}" --run.max_steps 3
	rc=0
	tiny_run "$out" 3 "${options[@]}" || rc=$?
	if [ $rc = 2 ] && grep -o '8 slots cannot be shared out evenly over 3 ranks.*' "$out.log" | sort -u; then
		refused=$((refused + 1))
	fi
	tiny_run "$out" 4 "${options[@]}" --run.max_steps 6
	tiny_run "$out" 2 "${options[@]}" --run.max_steps 9
	tiny_run "$out" 8 "${options[@]}"
	compare "$norm, 8 -> 4 -> 2 -> 8 ranks" "$out"
done
echo "elastic_matrix: $same of 10 runs give the bits of their kind, 3 ranks refused $refused of 2 times"
[ $same = 10 ] && [ $refused = 2 ]
