#!/usr/bin/env bash
# What voxlift packs, h5py reads: the same bytes of photographs, the same voxels
# and masks of scans. What h5py packs in the documented format, voxlift accepts.
. "$(dirname "$0")/prelude.sh"
python=${PYTHON:-/usr/bin/python3}
small_world 13
"$BIN/voxlift" synth volumes --out "$WORK/scans" --train-per-class 6 --val-per-class 1 --size 40 >/dev/null 2>&1
"$BIN/voxlift" pack --source "$WORK/scans/train.csv" --layout volumes --out "$WORK/volumes" >/dev/null 2>&1
"$BIN/voxlift" pack --source "$WORK/photos" --layout imagenet --split train --jpeg-restarts false --out "$WORK/plain" >/dev/null 2>&1
"$python" "$ROOT/scripts/prove/h5py_interop.py" read "$WORK"
"$python" "$ROOT/scripts/prove/h5py_interop.py" write "$WORK"
for made in photos_by_h5py volumes_by_h5py; do
	"$BIN/voxlift" verify "$WORK/$made"
	"$BIN/voxlift" inspect "$WORK/$made" --contact-sheet "$WORK/$made.png" >/dev/null
done
echo "h5py_interop: photographs and scans read by h5py are equal, both packed by h5py are accepted"
