# Sourced by scripts/prove/finetune_real.sh.

# measure_detection RUN: mean sensitivity at 0.5, 1, 2 and 4 false positives a slice.
measure_detection() {
	scores "$1" '"%.4f (at 1: %.3f, mAP50 %.3f)" % (
		s["sensitivity_mean"], s["sensitivity_1"], s["map50"])'
}

# The detector on scenes put together of photographs: planes as slices, as for COCO.
pretrain_scenes() {
	local split number
	[ ! -e "$PRETRAINED/scenes/result.json" ] || return 0
	for split in train:600 val:60; do
		number=${split#*:} split=${split%:*}
		"$PYTHON" "$HERE/photo_scenes.py" "$PHOTOS/$split" "$PRETRAINED/scene_files" "$split" "$number"
		pack "$PRETRAINED/scenes_$split" "$PRETRAINED/scene_files/$split.json" coco
	done
	train prove_finetune_scenes "$PRETRAINED/scenes" "$PRETRAINED/scenes" 2
	echo "scenes of photographs: $(measure_detection "$PRETRAINED/scenes")"
}

prove_detection() {
	local folder=$1 constant split
	constant=$("$PYTHON" "$HERE/detection.py" "$MEDICAL/lgg_flair" "$folder")
	for split in train val; do
		pack "$folder/packed_$split" "$folder/$split.json" manifest --recipe resize:0,128,128
	done
	echo "detection: constant boxes have a mean sensitivity of $constant"
	pretrain_scenes
	compare detection "$folder/packed" "$PRETRAINED/scenes" "$constant" sensitivity
}
