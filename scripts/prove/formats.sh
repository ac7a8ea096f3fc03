#!/usr/bin/env bash
# Every file of the real data is read, or refused with one line; what nibabel,
# pydicom and Pillow can read too has the same voxels, spacing and place.
. "$(dirname "$0")/prelude.sh"
[ -d "$SHARED/data" ] || {
	echo "$NAME: no $SHARED/data (set VOXLIFT_SHARED)" >&2
	exit 2
}
# Debian's packages are of Debian's Python.
/usr/bin/python3 "$ROOT/scripts/prove/formats.py" "$BIN/voxlift" "$SHARED/data" "$WORK"
