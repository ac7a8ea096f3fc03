#!/usr/bin/env bash
# 1,024 ranks, as threads, go through what ranks agree on in one epoch of
# ImageNet's size in less than 60 s: every sample once, the tree's bits, totals,
# stop, cursor, checkpoint manifest.
. "$(dirname "$0")/prelude.sh"
"$BIN/voxlift" plan --dry-run-ranks 1024 --samples 1281167 | tee "$WORK/out"
seconds=$(sed -nE 's/.*"seconds":([0-9.]+).*/\1/p' "$WORK/out")
echo "thousand_ranks: one epoch's control plane in $seconds s (want 60)"
awk -v s="$seconds" 'BEGIN { exit !(s < 60) }'
