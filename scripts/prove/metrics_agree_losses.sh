#!/usr/bin/env bash
# Voxel losses (cross entropy with smoothing, Dice, DiceCE, Combo, focal) and
# their gradients agree with PyTorch, torchvision and NumPy on random and
# degenerate inputs (classes that are nowhere, one class, ties, sure answers,
# nothing but ignored voxels, NaN).
. "$(dirname "$0")/prelude.sh"
python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import h5py, torchvision' || {
	echo "metrics_agree_losses: needs Debian's python3-h5py, python3-torchvision" >&2
	exit 2
}
"$python" "$ROOT/scripts/prove/metrics_agree_losses.py" "$BIN/voxlift-agree" "$WORK" "${CASES:-400}" | tee "$WORK/out"
echo "metrics_agree_losses: $(grep -c ' 0 disagree' "$WORK/out") of $(grep -c 'disagree' "$WORK/out") checks agree"
