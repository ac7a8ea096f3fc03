#!/usr/bin/env bash
# Bad scans: each is one clear line that names the file and both values, and the
# exit code tells; with --on-error skip the good ones are packed.
. "$(dirname "$0")/prelude.sh"
python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import nibabel' || {
	echo "bad_scans: needs Debian's python3-nibabel" >&2
	exit 2
}
"$python" - "$WORK" <<'PY'
import sys
import nibabel, numpy
work = sys.argv[1]
def save(name, shape, affine=None, value=0):
    voxels = numpy.zeros(shape, numpy.uint8)
    voxels[:2] = value
    nibabel.save(nibabel.Nifti1Image(voxels, numpy.eye(4) if affine is None else affine), f"{work}/{name}.nii.gz")
save("scan", (9, 8, 7), value=3)
save("other", (9, 8, 7), value=4)
save("mask", (9, 8, 7), value=1)
save("size", (9, 8, 6), value=1)
moved = numpy.eye(4); moved[0, 3] = 20
save("affine", (9, 8, 7), moved, 1)
save("labels", (9, 8, 7), value=5)
open(work + "/cut.nii.gz", "wb").write(open(work + "/scan.nii.gz", "rb").read()[:60])
PY

good=0
# refused EXIT_CODE "WORDS" COMMAND...: one line with all the words, that code.
refused() {
	local code=$1 words=$2 rc=0 word
	shift 2
	"$BIN/voxlift" "$@" >"$WORK/out" 2>"$WORK/err" || rc=$?
	grep -v '^pack \|^predict ' "$WORK/err" | tail -2
	[ "$rc" = "$code" ] || { echo "bad_scans: exit code $rc, expected $code" && exit 1; }
	for word in $words; do
		grep -q -- "$word" "$WORK/err" || { echo "bad_scans: no '$word' in the line" && exit 1; }
	done
	good=$((good + 1))
}
list() { printf 'image,mask\nother.nii.gz,mask.nii.gz\nscan.nii.gz,%s\n' "$1" >"$WORK/$2.csv"; }
pack=(pack --layout volumes --mask-classes background,liver)
for kind in size affine labels cut; do
	list $kind.nii.gz $kind
done
refused 3 "size.nii.gz 6.x.8.x.9 7.x.8.x.9" "${pack[@]}" --source "$WORK/size.csv" --out "$WORK/p1"
refused 3 "affine.nii.gz another.affine" "${pack[@]}" --source "$WORK/affine.csv" --out "$WORK/p2"
refused 3 "scan.nii.gz holds.5 2.mask.classes" "${pack[@]}" --source "$WORK/labels.csv" --out "$WORK/p3"
refused 3 "cut.nii.gz" "${pack[@]}" --source "$WORK/cut.csv" --out "$WORK/p4"
for kind in size affine labels cut; do
	"$BIN/voxlift" "${pack[@]}" --source "$WORK/$kind.csv" --out "$WORK/skip_$kind" --on-error skip >"$WORK/out" 2>&1
	grep -q "packed 1 samples" "$WORK/out" || { cat "$WORK/out" && exit 1; }
done
printf 'image,boxes\nscan.nii.gz,"[{""low"":[0,0,0],""high"":[3,9,9]},{""low"":[0,30,0],""high"":[3,40,9]}]"\n' >"$WORK/boxes.csv"
refused 3 "scan.nii.gz box.1 30.to.40 0.to.8" pack --layout volumes --source "$WORK/boxes.csv" --out "$WORK/p5"
printf 'image,mask\n' >"$WORK/empty.csv"
refused 3 "empty.csv" "${pack[@]}" --source "$WORK/empty.csv" --out "$WORK/p6"
printf 'image,label,split\nscan.nii.gz,0,train\n' >"$WORK/split.csv"
refused 2 "val" pack --layout volumes --source "$WORK/split.csv" --split val --out "$WORK/p7"
echo "bad_scans: $good kinds refused with one line each; the good scans beside them are packed"
