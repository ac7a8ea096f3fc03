#!/usr/bin/env bash
# Img/s of voxlift's loader and of three others on the same photographs, in
# alternating rounds of one run; prints JSON lines, the ratios last.
#
#   scripts/bench/data_photo.sh
#
# The photographs are the 20 originals of $VOXLIFT_SHARED, 20 copies of each.
# Needs, for the others only: python3-torchvision python3-pil python3-h5py.
# ROUNDS=3 and BATCHES=14 (of 32 pictures, a round; an even number) can be changed by the
# environment.
. "$(dirname "$0")/../prove/prelude.sh"
ROUNDS=${ROUNDS:-3}
BATCHES=${BATCHES:-14}
PEERS=$(dirname "$0")/photo_peers.py
/usr/bin/python3 -c 'import torchvision, PIL, h5py' 2>/dev/null || {
	echo "$NAME: install python3-torchvision python3-pil python3-h5py" >&2
	exit 2
}

original_photos 20

mkdir "$WORK/tar"
find "$WORK/originals" -name '*.JPEG' -printf '%P\n' | sort >"$WORK/names"
for part in 0 1; do
	awk "NR % 2 == $part" "$WORK/names" |
		tar -C "$WORK/originals" -cf "$WORK/tar/$part.tar" -T -
done

# ours WORKERS: one line like that of a peer, and what path and bare took.
ours() {
	"$BIN/voxlift" bench data.photo --data "$WORK/packed" --workers "$1" \
		--round-samples $((BATCHES * 32)) --exact false --seconds 0 |
		tee -a "$WORK/voxlift.jsonl" |
		sed -nE 's/.*"data.photo.path",.*"median":([0-9.]+).*"per_cpu_s":([0-9.]+).*/{"loader": "voxlift", "workers": '"$1"', "img_s": \1, "img_cpu_s": \2}/p'
}

for round in $(seq "$ROUNDS"); do
	for workers in 0 1 2; do
		if [ "$workers" != 0 ]; then ours "$workers"; fi
		/usr/bin/python3 "$PEERS" imagefolder "$WORK/originals/train" "$workers" "$BATCHES"
		/usr/bin/python3 "$PEERS" tar "$WORK/tar" "$workers" "$BATCHES"
		/usr/bin/python3 "$PEERS" h5py "$WORK/packed/shard-00000.h5" "$workers" "$BATCHES"
	done
done >"$WORK/rates.jsonl"
cat "$WORK/voxlift.jsonl"
/usr/bin/python3 "$PEERS" ratios "$WORK/rates.jsonl"
