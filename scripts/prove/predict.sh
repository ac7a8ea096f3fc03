#!/usr/bin/env bash
# `voxlift predict`: masks have the shape and affine of their scans, oblique ones
# and other spacings included (checked with nibabel); 1 rank, 2 ranks with a scan
# each, 2 ranks that share a scan, and a run that was killed give the same bytes;
# one unreadable scan among good ones is one line and exit code 3.
. "$(dirname "$0")/prelude.sh"
. "$(dirname "$0")/mpi_env.sh"
python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import nibabel' || {
	echo "predict: needs Debian's python3-nibabel" >&2
	exit 2
}
"$BIN/voxlift" synth volumes --out "$WORK/scans" --train-per-class 6 --val-per-class 2 --size 40 >/dev/null 2>&1
"$BIN/voxlift" pack --source "$WORK/scans/train.csv" --layout volumes --mask-classes background,nodule \
	--recipe "orient:RAS resample:1.3,1.3,1.3" --out "$WORK/train" >/dev/null 2>&1
# One step that changes next to nothing: drawn weights mark voxels all over the scan,
# so that any difference shows.
"$BIN/voxlift" train --task.kind segmentation --data.train "$WORK/train" --run.out "$WORK/run" \
	--model.network unet3d --model.stem_channels 8 --model.base_channels 8 --model.norm gn --model.groups 4 \
	--volume.shape 16,32,32 --volume.crop uniform --batch.slots 1 --batch.slot_batch 2 \
	--run.max_steps 1 --schedule.lr 1e-8 --run.seed 1 >"$WORK/train.log" 2>&1

# Scans on other grids than those of the training: oblique, another spacing.
"$python" - "$WORK" <<'PY'
import glob, os, sys
import nibabel, numpy
work = sys.argv[1]
os.makedirs(work + "/in/more")
rng = numpy.random.default_rng(3)
for i, path in enumerate(sorted(glob.glob(work + "/scans/images/*.nii.gz"))[:5]):
    voxels = nibabel.load(path).get_fdata(dtype=numpy.float32)[: 30 + i, ::-1, : 36 + i]
    turn, _ = numpy.linalg.qr(rng.normal(size=(3, 3)) * 0.2 + numpy.eye(3)[rng.permutation(3)])
    affine = numpy.eye(4)
    affine[:3, :3] = turn * [0.9 + 0.1 * i, 1.1, 1.4]
    affine[:3, 3] = rng.normal(size=3) * 50
    nibabel.save(nibabel.Nifti1Image(voxels, affine), f"{work}/in/{'more/' if i % 2 else ''}scan_{i}.nii.gz")
PY

# predict OUT COMMAND...: into OUT; the exit code.
predict() {
	local out=$1
	shift
	"$@" "$BIN/voxlift" predict --weights "$WORK/run" --out "$WORK/$out" --keep largest --window 16,24,24 \
		--in "${IN:-$WORK/in}" >>"$WORK/$out.log" 2>&1
}
same() {
	diff -r "$WORK/one" "$WORK/$1" >&2 || {
		echo "predict: $1 differs from one rank's" >&2
		exit 1
	}
}
predict one env
predict two mpirun -n 2
same two
IN="$WORK/in/scan_0.nii.gz" predict shared mpirun -n 2
cmp "$WORK/one/scan_0.nii.gz" "$WORK/shared/scan_0.nii.gz"

killed=0
for delay in 0.8 1.6 2.4; do
	timeout -s KILL $delay "$BIN/voxlift" predict --weights "$WORK/run" --out "$WORK/killed" --keep largest \
		--window 16,24,24 --in "$WORK/in" >>"$WORK/killed.log" 2>&1 || killed=$((killed + 1))
done
predict killed env
find "$WORK/killed" -name '*.tmp' -delete
same killed

"$python" - "$WORK" <<'PY'
import glob, sys
import nibabel, numpy
work = sys.argv[1]
voxels = 0
for path in sorted(glob.glob(work + "/in/**/*.nii.gz", recursive=True)):
    scan, mask = nibabel.load(path), nibabel.load(path.replace("/in/", "/one/"))
    assert scan.shape == mask.shape, path
    assert numpy.array_equal(scan.affine.astype(numpy.float32), mask.affine.astype(numpy.float32)), path
    assert mask.get_data_dtype() == numpy.uint8 and mask.get_fdata().max() <= 1
    voxels += int(mask.get_fdata().sum())
assert voxels > 0, "the network marks nothing: the comparison says little"
print("masks of", len(glob.glob(work + "/in/**/*.nii.gz", recursive=True)), "scans,", voxels, "voxels marked")
PY

echo "no scan" >"$WORK/in/bad.nii.gz"
head -c 20000 "$WORK/in/scan_0.nii.gz" >"$WORK/in/cut.nii.gz"
rc=0
predict with_bad mpirun -n 2 || rc=$?
rm "$WORK/in/bad.nii.gz" "$WORK/in/cut.nii.gz"
lines=$(grep -c "left out bad: \|left out cut: " "$WORK/with_bad.log")
same with_bad
echo "predict: same bytes on 1 and 2 ranks and after $killed kills; 2 unreadable scans: $lines lines, exit code $rc"
[ "$rc" = 3 ] && [ "$lines" = 2 ]
