#!/usr/bin/env bash
# Resident memory over 20 epochs of photographs, and of scans, stays within 2 %
# of what it is after the second one.
. "$(dirname "$0")/prelude.sh"
small_world 100
"$BIN/voxlift" synth volumes --out "$WORK/scans" --train-per-class 20 --val-per-class 1 --size 64 >/dev/null
"$BIN/voxlift" pack --source "$WORK/scans/train.csv" --layout volumes --out "$WORK/volumes" >/dev/null 2>&1
worst=1
for data in train volumes; do
	line=$("$BIN/voxlift" bench data.memory --data "$WORK/$data" --workers 2 --epochs "${EPOCHS:-20}" | tail -1)
	echo "$data: $line"
	growth=$(echo "$line" | sed 's/.*"growth":\([0-9.]*\).*/\1/')
	worst=$(awk -v a="$worst" -v b="$growth" 'BEGIN { print (b > a) ? b : a }')
done
echo "flat_memory: $worst times the memory after the second epoch, at most"
awk -v g="$worst" 'BEGIN { exit !(g <= 1.02) }'
