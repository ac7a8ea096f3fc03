#!/usr/bin/env bash
# scripts/quickstart.sh takes at most 12 minutes with a warm compiler cache, loses
# a rank on the way and resumes, and its second run takes the short way.
. "$(dirname "$0")/prelude.sh"
first_begin=$SECONDS
"$ROOT/scripts/quickstart.sh" "$WORK/quickstart" >"$WORK/first.log" 2>&1 || {
	tail -n 20 "$WORK/first.log"
	exit 1
}
first=$((SECONDS - first_begin))
second_begin=$SECONDS
"$ROOT/scripts/quickstart.sh" "$WORK/quickstart" >"$WORK/second.log" 2>&1
second=$((SECONDS - second_begin))
grep -E '^(photographs|scans)' "$WORK/first.log"
lost=$(grep -c 'a rank was lost' "$WORK/first.log" || true)
starts=$(grep -c '"type":"start"' "$WORK/quickstart/pretrain/log.jsonl")
resumed_at=$(grep '"type":"start"' "$WORK/quickstart/pretrain/log.jsonl" | tail -n 1 | sed 's/.*"step":\([0-9]*\).*/\1/')
scored=$(grep -c '"top1"' "$WORK/first.log")
echo "ranks lost: $lost, starts of the pre-training: $starts, the last from step $resumed_at"
echo "quickstart: first run $first s (limit 720), second run $second s"
[ "$lost" = 1 ] && [ "$starts" = 2 ] && [ "$resumed_at" -gt 0 ] && [ "$scored" -ge 3 ] &&
	[ $first -le 720 ] && [ $second -lt $first ]
