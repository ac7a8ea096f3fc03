#!/usr/bin/env bash
# A real SLURM of four nodes on this machine: a pre-training job that is preempted
# twice and time-limited once, and one whose node crashes, end in the bits of the
# uninterrupted run; a pipeline of dependent jobs runs through. The scenarios are
# tests/e2e/slurm_test.cpp, which starts and stops that SLURM.
. "$(dirname "$0")/prelude.sh"
[ -x "$BIN/e2e_slurm_test" ] || {
	echo "$NAME: no $BIN/e2e_slurm_test: build the cpu-release preset first" >&2
	exit 2
}
export VOXLIFT_SHARED=$SHARED
begin=$SECONDS
"$BIN/e2e_slurm_test" --gtest_filter='SlurmTest.*' >"$WORK/log" 2>&1 || {
	tail -n 40 "$WORK/log"
	exit 1
}
if grep -q SKIPPED "$WORK/log"; then
	grep -A3 'SKIPPED\|Skipped' "$WORK/log" | head -n 8
	echo "slurm: not proved: cases were skipped"
	exit 1
fi
sed -n 's/^slurm: /  /p' "$WORK/log"
passed=$(grep -c '^\[       OK \]' "$WORK/log")
all=$(sed -n 's/^\[==========\] Running \([0-9]*\) tests.*/\1/p' "$WORK/log")
echo "slurm: $passed of $all scenarios on a real SLURM hold, in $((SECONDS - begin)) s (limit 240)"
[ "$passed" = "$all" ] && [ $((SECONDS - begin)) -lt 240 ]
