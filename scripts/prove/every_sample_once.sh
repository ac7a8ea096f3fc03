#!/usr/bin/env bash
# Every sample is trained on once per epoch for ranks 1..8 (those that divide the
# slots) and odd sizes, and an evaluation counts every case once.
. "$(dirname "$0")/prelude.sh"
unit=$BIN/trainer_slot_requests_test
[ -x "$unit" ] || { echo "every_sample_once: build the tests, too: cmake --build --preset cpu-release" >&2; exit 2; }
"$unit" --gtest_brief=1
# The whole program on real ranks: 52 samples in steps of 8, 3 epochs, 1, 2, 4 and 8 ranks.
small_world
checked=0
for ranks in 1 2 4 8; do
	out=$WORK/r$ranks
	EPOCHS=3 SLOTS=8 SLOT_BATCH=1 tiny_run "$out" $ranks
	samples=$(grep '"type":"step"' "$out/log.jsonl" | sed 's/.*"samples":\([0-9]*\).*/\1/' | awk '{ n += $1 } END { print n }')
	cases=$(grep '"type":"evaluation"' "$out/log.jsonl" | sed 's/.*"cases":\([0-9]*\).*/\1/' | sort -u)
	echo "$ranks ranks: $samples samples in 3 epochs of 52, $cases cases an evaluation of 20"
	[ "$samples" = 156 ] && [ "$cases" = 20 ] && checked=$((checked + 1))
done
echo "every_sample_once: $checked of 4 world sizes count every sample and case once"
[ $checked = 4 ]
