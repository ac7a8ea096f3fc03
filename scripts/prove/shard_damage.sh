#!/usr/bin/env bash
# Every bit of a small shard of photographs and of one of scans is flipped, and
# larger ones are cut at every 4 KiB: verify tells each.
. "$(dirname "$0")/prelude.sh"
unit=$BIN/sharding_damage_test
[ -x "$unit" ] || { echo "shard_damage: build the tests, too: cmake --build --preset cpu-release" >&2; exit 2; }
"$unit" --gtest_brief=1 | tee "$WORK/out"
echo "shard_damage: $(grep -c told "$WORK/out") of 4 kinds of damage are told without exception"
[ "$(grep -c told "$WORK/out")" = 4 ]
