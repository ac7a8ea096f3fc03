#!/usr/bin/env bash
# Box overlaps, NMS, RoIAlign and its gradient, smooth L1, cross entropy, focal
# loss, FROC and average precision agree with torchvision, PyTorch and NumPy on
# random and degenerate inputs (no boxes, no area, ties, NaN scores).
. "$(dirname "$0")/prelude.sh"
python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import h5py, torchvision' || {
	echo "metrics_agree_detection: needs Debian's python3-h5py, python3-torchvision" >&2
	exit 2
}
"$python" "$ROOT/scripts/prove/metrics_agree_detection.py" "$BIN/voxlift-agree" "$WORK" "${CASES:-200}" | tee "$WORK/out"
echo "metrics_agree_detection: $(grep -c ' 0 disagree' "$WORK/out") of $(grep -c 'disagree' "$WORK/out") checks agree"
