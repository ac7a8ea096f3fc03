#!/usr/bin/env bash
# A data set of 1,281,167 samples (ImageNet's number; all share a few pictures'
# bytes): an epoch is assigned in less than 1 s and 100 MB, and the first batch is
# there less than 2 s after the start.
. "$(dirname "$0")/prelude.sh"
python=${PYTHON:-/usr/bin/python3}
"$python" "$ROOT/scripts/prove/million_samples.py" "$BIN/voxlift" "$WORK" "${SAMPLES:-1281167}"
