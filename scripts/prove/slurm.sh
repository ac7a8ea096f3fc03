#!/usr/bin/env bash
# A real SLURM of four nodes on this machine: a pre-training job that is preempted
# twice and time-limited once, and one whose node crashes, end in the bits of the
# uninterrupted run; a pipeline of dependent jobs runs through. The scenarios are
# tests/e2e/slurm_test.cpp, each with a SLURM of its own; they mostly wait, so
# three run at a time.
. "$(dirname "$0")/prelude.sh"
[ -x "$BIN/e2e_slurm_test" ] || {
	echo "$NAME: no $BIN/e2e_slurm_test: build the cpu-release preset first" >&2
	exit 2
}
export VOXLIFT_SHARED=$SHARED
begin=$SECONDS
readonly SHARDS=3
shards=()
for ((i = 0; i < SHARDS; i++)); do
	GTEST_TOTAL_SHARDS=$SHARDS GTEST_SHARD_INDEX=$i \
		"$BIN/e2e_slurm_test" >"$WORK/log.$i" 2>&1 &
	shards+=($!)
done
failed=0
for pid in "${shards[@]}"; do wait "$pid" || failed=1; done
cat "$WORK"/log.* >"$WORK/log"
if [ $failed = 1 ]; then
	tail -n 40 "$WORK"/log.*
	exit 1
fi
if grep -q SKIPPED "$WORK/log"; then
	grep -A3 'SKIPPED\|Skipped' "$WORK/log" | head -n 8
	echo "slurm: not proved: cases were skipped"
	trap - EXIT
	rm -rf "$WORK"
	exit 1
fi
sed -n 's/^slurm: /  /p' "$WORK/log"
passed=$(grep -c '^\[       OK \]' "$WORK/log")
all=$("$BIN/e2e_slurm_test" --gtest_list_tests | grep -c '^  ')
echo "slurm: $passed of $all scenarios on a real SLURM hold, in $((SECONDS - begin)) s (limit 240)"
[ "$passed" = "$all" ] && [ $((SECONDS - begin)) -lt 240 ]
