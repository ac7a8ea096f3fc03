#!/usr/bin/env bash
# A way to compute a convolution that is wrong on purpose (in one voxel, in its
# gradient, not a number, or failing) is refused by the probe and named.
. "$(dirname "$0")/prelude.sh"
"$BIN/trainer_unit_test" --gtest_filter='ConvProbeTest.*' >"$WORK/log" 2>&1 || {
	grep -E 'Failure|FAILED' "$WORK/log"
	exit 1
}
refused=$(grep -cE '\[       OK \] ConvProbeTest.(Refuses|ARuleThatIsWrong)' "$WORK/log")
echo "conv_probe: $refused of 5 wrong ways are refused"
[ "$refused" = 5 ]
