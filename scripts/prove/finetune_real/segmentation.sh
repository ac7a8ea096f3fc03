# Sourced by scripts/prove/finetune_real.sh.

# measure_segmentation RUN: Dice of the masks of `voxlift predict`, brought back to
# the scans' own voxels, computed by mask_dice.py.
measure_segmentation() {
	local folder=$WORK/segmentation
	[ -d "$1/masks" ] || "$BIN/voxlift" predict --weights "$1" --in "$MEDICAL/hippocampus/val/images" \
		--out "$1/masks" >"$1.predict.log" 2>&1
	"$PYTHON" "$HERE/mask_dice.py" "$folder/val.csv" "$1/masks"
}

prove_segmentation() {
	local folder=$1 atlas split
	atlas=$("$PYTHON" "$HERE/segmentation.py" "$MEDICAL/hippocampus" "$folder")
	for split in train val; do
		pack "$folder/packed_$split" "$folder/$split.csv" manifest \
			--mask-classes background,anterior,posterior --recipe resample:1.8,1.8,1.8
	done
	echo "segmentation: an atlas that never looks at the scan has a mean Dice of $atlas"
	pretrain_photos
	compare segmentation "$folder/packed" "$PRETRAINED/photos" "$atlas" Dice
}
