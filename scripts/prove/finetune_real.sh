#!/usr/bin/env bash
# Fine-tuning on real data: classification (adrenal glands), segmentation (hippocampus)
# and detection (lesions in brain MR) from scratch and from pre-trained weights, the
# same configuration but for --init.weights, for SEEDS, on 2 ranks and, for
# RANKS_SEEDS, on 1 (equal bits). Every run has to beat a trivial answer.
#
#   TASKS="classification" SEEDS="1 2 3 4 5" scripts/prove/finetune_real.sh
#   PRETRAINED=FOLDER scripts/prove/finetune_real.sh   # kept there and used again
. "$(dirname "$0")/prelude.sh"
. "$(dirname "$0")/mpi_env.sh"
HERE=$ROOT/scripts/prove/finetune_real
PYTHON=${PYTHON:-/usr/bin/python3}
TASKS=${TASKS:-classification segmentation detection}
SEEDS=${SEEDS:-1 2 3}
RANKS_SEEDS=${RANKS_SEEDS-1}
PRETRAINED=${PRETRAINED:-$WORK/pretrained}
MEDICAL=$SHARED/data/medical
PHOTOS=$SHARED/data/natural/imagenette224
[ -d "$MEDICAL" ] || { echo "$NAME: no $MEDICAL: set VOXLIFT_SHARED" >&2; exit 2; }
"$PYTHON" -c 'import nibabel, scipy, PIL' || {
	echo "$NAME: needs Debian's python3-nibabel, python3-scipy, python3-pil" >&2
	exit 2
}
mkdir -p "$PRETRAINED"
. "$HERE/common.sh"

failed=
for task in $TASKS; do
	. "$HERE/$task.sh"
	mkdir -p "$WORK/$task"
	"prove_$task" "$WORK/$task" || failed="$failed $task"
done
if [ -n "$failed" ]; then
	echo "finetune_real: not held:$failed"
	exit 1
fi
echo "finetune_real: $TASKS: every run beats the trivial answer; 1 and 2 ranks end in equal bits"
