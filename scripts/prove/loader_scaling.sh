#!/usr/bin/env bash
# Two decoding threads give 1.8 times the rate of one or more. Wants two idle
# cores.
. "$(dirname "$0")/prelude.sh"
original_photos 20
"$BIN/voxlift" bench data.photo --data "$WORK/packed" --workers 1,2 \
	--exact false --seconds "${SECONDS_OF_ROUNDS:-30}" | tee "$WORK/out"
scaling=$(sed -nE 's/.*"data.photo.scaling".*"median":([0-9.]+).*/\1/p' "$WORK/out")
echo "loader_scaling: 2 workers run at $scaling times the rate of 1 (want 1.8)"
awk -v s="$scaling" 'BEGIN { exit !(s >= 1.8) }'
