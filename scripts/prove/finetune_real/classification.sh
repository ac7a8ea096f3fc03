# Sourced by scripts/prove/finetune_real.sh.

# measure_classification RUN: AUC with its bootstrap interval over the scored glands.
measure_classification() {
	scores "$1" '"%.4f (%.3f to %.3f over the glands), accuracy %.3f" % (
		s["auc"], *s["auc_interval"], s["accuracy"])'
}

# Chance is an AUC of 0.5, so the accuracy of one answer for all is only told.
prove_classification() {
	local folder=$1 majority split
	majority=$("$PYTHON" "$HERE/classification.py" "$MEDICAL/adrenalmnist3d_64" "$folder")
	for split in train val; do
		pack "$folder/packed_$split" "$folder/$split.csv" manifest \
			--classes normal,abnormal --recipe resize:32,32,32
	done
	echo "classification: always the same class has an AUC of 0.5 and an accuracy of $majority"
	pretrain_photos
	compare classification "$folder/packed" "$PRETRAINED/photos" 0.5 AUC
}
