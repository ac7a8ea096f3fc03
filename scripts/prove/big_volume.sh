#!/usr/bin/env bash
# A sliding window over a scan of 600 x 512 x 512 voxels (windows 32,256,256,
# stride 12,128,128) with 2 and 14 classes stays under 3 GB beyond the model, the
# scan itself and its labels included; 2 ranks share its windows and give the same
# labels. A network that costs next to nothing shows the sliding window's own
# memory; NETWORK=unet3d adds what the published network needs for a window, on two
# rows of windows (minutes).
. "$(dirname "$0")/prelude.sh"
. "$(dirname "$0")/mpi_env.sh"
limit=3000000000
shape=${SHAPE:-600,512,512}

# window_bench RANKS OPTION...: the line of JSON.
window_bench() {
	local ranks=$1
	shift
	mpirun -n "$ranks" "$BIN/voxlift" bench infer.window --window 32,256,256 \
		--threads 1 "$@" 2>/dev/null | tail -1
}
field() { echo "$1" | sed "s/.*\"$2\":\"\\{0,1\\}\\([^,\"}]*\\).*/\\1/"; }

worst=0
for classes in 2 14; do
	one=$(window_bench 1 --shape "$shape" --classes $classes --stride 12,128,128 --weights count)
	two=$(window_bench 2 --shape "$shape" --classes $classes --stride 12,128,128 --weights count)
	echo "1 rank:  $one"
	echo "2 ranks: $two"
	[ "$(field "$one" labels)" = "$(field "$two" labels)" ] || {
		echo "big_volume: 2 ranks give other labels than 1"
		exit 1
	}
	for line in "$one" "$two"; do
		bytes=$(field "$line" peak_bytes)
		[ "$bytes" -gt "$worst" ] && worst=$bytes
	done
done
if [ -n "${NETWORK:-}" ]; then
	line=$(window_bench 1 --shape 44,512,512 --classes 14 --stride 12,256,256 --network "$NETWORK")
	echo "$NETWORK: $line"
fi
echo "big_volume: at most $worst bytes beyond the model (limit $limit), the same labels on 1 and 2 ranks"
[ "$worst" -lt "$limit" ]
