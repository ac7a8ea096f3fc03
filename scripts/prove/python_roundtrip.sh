#!/usr/bin/env bash
# Weights that PyTorch saves (zip, legacy, float16, prefixes) give the same
# outputs in voxlift, and what voxlift exports gives them in plain PyTorch: all
# of every network's outputs to 1e-5 of the largest. Also of a run's checkpoint.
. "$(dirname "$0")/prelude.sh"
python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import h5py, torch' 2>/dev/null || {
	echo "$NAME: skipped: install python3-torch and python3-h5py"
	exit 77
}
. "$ROOT/scripts/prove/mpi_env.sh"
small_world 13
tiny_run "$WORK/run" 1
"$python" "$ROOT/scripts/prove/python_roundtrip.py" "$BIN" "$ROOT/examples" "$WORK" "$WORK/run"
"$python" "$ROOT/scripts/prove/python_roundtrip.py" "$BIN" "$ROOT/examples" "$WORK" | tee "$WORK/out"
echo "python_roundtrip: $(grep -c '^[0-9]' "$WORK/out") networks there and back, a run exported; $(tail -1 "$WORK/out")"
