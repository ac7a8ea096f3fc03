#!/usr/bin/env bash
# Dice, IoU, HD95, surface Dice, lesions, AUC, thresholds, quantiles and the
# sliding window agree with NumPy, SciPy and scikit-learn on random and degenerate
# inputs (empty mask, one class, ties, NaN, volumes smaller than the window).
. "$(dirname "$0")/prelude.sh"
python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import h5py, scipy, sklearn' || {
	echo "metrics_agree: needs Debian's python3-h5py, python3-scipy, python3-sklearn" >&2
	exit 2
}
"$python" "$ROOT/scripts/prove/metrics_agree.py" "$BIN/voxlift-agree" "$WORK" "${CASES:-200}" | tee "$WORK/out"
echo "metrics_agree: $(grep -c ' 0 disagree' "$WORK/out") of $(grep -c 'disagree' "$WORK/out") checks agree"
