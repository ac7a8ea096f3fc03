#!/usr/bin/env bash
# Resident memory over 20 epochs of photographs, and of scans, stays within 2 %
# of what it is after the second one.
. "$(dirname "$0")/prelude.sh"
"$BIN/voxlift" synth photos --out "$WORK/photos" --classes 4 --train-per-class 100 --val-per-class 1 --size 320 >/dev/null
"$BIN/voxlift" pack --source "$WORK/photos" --layout imagenet --out "$WORK/train" >/dev/null 2>&1
"$BIN/voxlift" synth volumes --out "$WORK/scans" --train-per-class 20 --val-per-class 1 --size 64 >/dev/null
"$BIN/voxlift" pack --source "$WORK/scans/train.csv" --layout volumes --out "$WORK/volumes" >/dev/null 2>&1
worst=1
for data in train volumes; do
	line=$("$BIN/voxlift" bench data.memory --data "$WORK/$data" --workers 2 --image-size 224 --epochs "${EPOCHS:-20}" | tail -1)
	echo "$data: $line"
	growth=$(echo "$line" | sed 's/.*"growth":\([0-9.]*\).*/\1/')
	worst=$(awk -v a="$worst" -v b="$growth" 'BEGIN { print (b > a) ? b : a }')
done
echo "flat_memory: $worst times the memory after the second epoch, at most"
awk -v g="$worst" 'BEGIN { exit !(g <= 1.02) }'
