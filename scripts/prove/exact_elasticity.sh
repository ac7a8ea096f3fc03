#!/usr/bin/env bash
# Weights after 20 steps are the same bits on 1, 2 and 4 ranks at 4 slots.
. "$(dirname "$0")/prelude.sh"
small_world
same=0
for ranks in 1 2 4; do
	tiny_run "$WORK/r$ranks" $ranks
	digest[ranks]=$(weights_digest "$WORK/r$ranks" 20)
	echo "$ranks ranks: weights and momentum after 20 steps: ${digest[ranks]}"
	[ "${digest[ranks]}" != "${digest[1]}" ] || same=$((same + 1))
done
echo "exact_elasticity: $same of 3 world sizes (1, 2, 4 ranks at 4 slots) give the same bits"
[ $same = 3 ]
