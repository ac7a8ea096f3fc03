#!/usr/bin/env bash
# kill -9 at 20 random instants of a pack, of photographs and of scans in turn:
# packed again, verify passes and the data set is that of a pack without kills.
. "$(dirname "$0")/prelude.sh"
KILLS=${KILLS:-20}
RANDOM=${SEED:-1}
"$BIN/voxlift" synth photos --out "$WORK/photos" --classes 4 --train-per-class 250 \
	--val-per-class 1 --size 160 --seed 3 >/dev/null
"$BIN/voxlift" synth volumes --out "$WORK/scans" --train-per-class 20 --val-per-class 1 \
	--size 56 --seed 3 >/dev/null
pack_photos() { "$BIN/voxlift" pack --source "$WORK/photos" --layout imagenet --split train --shard-mb 1 --out "$1"; }
pack_scans() { "$BIN/voxlift" pack --source "$WORK/scans/train.csv" --layout volumes --shard-mb 1 --out "$1"; }
declare -A took
for kind in photos scans; do
	begin=$(date +%s%N)
	pack_$kind "$WORK/$kind.whole" >/dev/null 2>&1
	took[$kind]=$((($(date +%s%N) - begin) / 1000000))
done
echo "a whole pack: ${took[photos]} ms (photographs), ${took[scans]} ms (scans)"
good=0 killed=0 kept=0
for ((i = 0; i < KILLS; i++)); do
	kind=$([ $((i % 2)) = 0 ] && echo photos || echo scans)
	out=$WORK/$kind.$i
	pack_$kind "$out" >/dev/null 2>&1 &
	pid=$!
	sleep "$(awk -v ms=${took[$kind]} -v r=$RANDOM 'BEGIN { print ms * r / 32768 / 1000 }')"
	# The shell function is a subshell: kill the program below it.
	pkill -9 -P $pid 2>/dev/null && killed=$((killed + 1)) || kill -9 $pid 2>/dev/null || true
	wait $pid 2>/dev/null || true
	mkdir -p "$out"
	before=$(find "$out" -name "shard-*.h5" | wc -l)
	pack_$kind "$out" >"$out.log" 2>&1 || { echo "pack $i failed" >&2; tail -3 "$out.log" >&2; exit 1; }
	now=$(sed -n 's/.*(\([0-9]*\) kept from before).*/\1/p' "$out.log")
	kept=$((kept + now))
	[ "$now" = "$before" ] || { echo "kill $i: $before shards were finished, $now kept" >&2; exit 1; }
	"$BIN/voxlift" verify "$out" >/dev/null 2>&1 || { echo "kill $i: verify fails" >&2; exit 1; }
	cmp -s "$out/index.json" "$WORK/$kind.whole/index.json" || { echo "kill $i: another index" >&2; exit 1; }
	[ "$(ls "$out")" = "$(ls "$WORK/$kind.whole")" ] || { echo "kill $i: other files" >&2; exit 1; }
	good=$((good + 1))
	rm -rf "$out"
done
echo "pack_kills: $good of $KILLS packs are whole again ($killed hit a running pack, $kept finished shards kept)"
[ $good = "$KILLS" ]
