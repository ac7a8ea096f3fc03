# Sourced by every script of this folder: paths, a scratch folder, a small world.
# A script prints its figure as the last line and exits 0 only where it holds.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BIN=${VOXLIFT_BIN:-$ROOT/build/cpu-release/bin}
SHARED=${VOXLIFT_SHARED:-$ROOT/../shared}
NAME=$(basename "$0" .sh)
[ -x "$BIN/voxlift" ] || {
	echo "$NAME: no program in $BIN: build the cpu-release preset first" >&2
	exit 2
}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/voxlift-$NAME.XXXXXX")
AT_EXIT=true # A command that undoes what a script has set up.
# Kept where something failed, so that it can be looked at.
trap 'rc=$?; $AT_EXIT >/dev/null; if [ $rc = 0 ]; then rm -rf "$WORK"; else echo "$NAME: FAILED, files are in $WORK" >&2; fi' EXIT

# small_world [TRAIN_PER_CLASS]: generated photographs, packed, in $WORK/train
# and $WORK/val.
small_world() {
	"$BIN/voxlift" synth photos --out "$WORK/photos" --classes 4 \
		--train-per-class "${1:-13}" --val-per-class 5 --size 48 --seed 7 >/dev/null
	local split
	for split in train val; do
		"$BIN/voxlift" pack --source "$WORK/photos" --layout imagenet --split $split \
			--out "$WORK/$split" >/dev/null 2>&1
	done
}

# original_photos COPIES: the 20 full-size photographs of $SHARED, so many copies
# of each, in $WORK/originals/train/CLASS and packed in $WORK/packed.
original_photos() {
	local from=$SHARED/data/natural/imagenet_originals path name copy
	[ -d "$from" ] || {
		echo "$NAME: no $from: set VOXLIFT_SHARED" >&2
		exit 2
	}
	for path in "$from"/*.JPEG; do
		name=$(basename "$path" .JPEG)
		mkdir -p "$WORK/originals/train/${name%%_*}"
		for copy in $(seq "$1"); do
			cp "$path" "$WORK/originals/train/${name%%_*}/${name%%_*}_$copy.JPEG"
		done
	done
	"$BIN/voxlift" pack --source "$WORK/originals" --layout imagenet --split train \
		--out "$WORK/packed" >/dev/null 2>&1
}

# tiny_run OUT RANKS [OPTION...]: a run of a tiny network on the small world:
# 52 samples, 4 slots of 3 (the last step of an epoch is a short one, 5 steps an
# epoch), 20 steps. Logs go to OUT.log.
tiny_run() {
	local out=$1 ranks=$2
	shift 2
	"$BIN/voxlift-launch" -n "$ranks" --max-restarts 5 -- train \
		--data.train "$WORK/train" --data.val "$WORK/val" --run.out "$out" \
		--run.epochs "${EPOCHS:-4}" --run.seed 11 --batch.slots "${SLOTS:-4}" \
		--batch.slot_batch "${SLOT_BATCH:-3}" \
		--model.stem_channels 8 --model.base_channels 8 \
		--photo.image_size 32 --photo.eval_resize_short 36 \
		--schedule.lr 0.05 --checkpoint.every_steps 3 "$@" >>"$out.log" 2>&1
}

# weights_digest OUT STEP: of the weights and the optimizer after a step.
weights_digest() {
	cat "$1/checkpoints/$(printf 'step_%08d' "$2")/"{model,optimizer}.safetensors |
		sha256sum | cut -c1-16
}
