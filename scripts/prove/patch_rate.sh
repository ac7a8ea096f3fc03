#!/usr/bin/env bash
# Random 48^3 and 96^3 patches of a packed CT beside h5py on the same file (5
# times at least) and nibabel on the .nii.gz of the same voxels (20 times).
# The CT is the real one of $VOXLIFT_SHARED at 3 mm, resampled to 0.75 mm, with
# the noise of a usual CT, which resampling has taken away, put back.
. "$(dirname "$0")/prelude.sh"
python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import h5py, nibabel' || { echo "patch_rate: needs python3-h5py and python3-nibabel" >&2; exit 2; }
ct=$SHARED/data/medical/ct_nifti/totalseg_example/ct.nii.gz
[ -f "$ct" ] || { echo "patch_rate: no $ct" >&2; exit 2; }
printf 'path,label\n%s,0\n' "$ct" >"$WORK/list.csv"
"$BIN/voxlift" pack --source "$WORK/list.csv" --layout volumes --out "$WORK/smooth" \
	--recipe resample:0.75,0.75,0.75 >/dev/null 2>&1
"$python" - "$WORK" <<'PY'
import sys
import h5py, nibabel, numpy as np
work = sys.argv[1]
with h5py.File(work + "/smooth/shard-00000.h5") as shard:
    ct = shard["image/00000000"][:]
ct = np.rint(ct + np.random.default_rng(0).normal(0, 12, ct.shape)).astype(np.int16)
nibabel.save(nibabel.Nifti1Image(ct, np.eye(4)), work + "/ct.nii.gz")
PY
printf 'path,label\n%s/ct.nii.gz,0\n' "$WORK" >"$WORK/list.csv"
"$BIN/voxlift" pack --source "$WORK/list.csv" --layout volumes --out "$WORK/packed" >/dev/null 2>&1
"$python" "$ROOT/scripts/bench/patch_peers.py" "$BIN/voxlift" "$WORK/packed" "$WORK/ct.nii.gz" "${ROUNDS:-7}"
