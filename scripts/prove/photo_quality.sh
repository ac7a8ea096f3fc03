#!/usr/bin/env bash
# The fast decoding of photographs differs from the exact one by little: PSNR of
# the originals and of 100 pictures of imagenette224, five crops each.
. "$(dirname "$0")/prelude.sh"
original_photos 1
FROM=$SHARED/data/natural/imagenette224/train
for class in "$FROM"/*/; do
	mkdir -p "$WORK/small/train/$(basename "$class")"
	find "$class" -name '*.JPEG' | sort | sed -n 1,10p |
		xargs cp -t "$WORK/small/train/$(basename "$class")"
done
"$BIN/voxlift" pack --source "$WORK/small" --layout imagenet --split train \
	--out "$WORK/small_packed" >/dev/null 2>&1
worst=99
for data in packed small_packed; do
	echo "$data, crops of 224, then of 112 (large ones are decoded at half the size):"
	"$BIN/voxlift" bench data.photo_quality --data "$WORK/$data" --draws 5 | tee "$WORK/out"
	min=$(sed -nE '1s/.*"min":([0-9.]+).*/\1/p' "$WORK/out")
	worst=$(awk -v a="$worst" -v b="$min" 'BEGIN { print a < b ? a : b }')
	"$BIN/voxlift" bench data.photo_quality --data "$WORK/$data" --draws 5 --image-size 112
done
echo "photo_quality: at 224 the worst crop has $worst dB, at least 45 are wanted"
awk -v w="$worst" 'BEGIN { exit !(w >= 45) }'
