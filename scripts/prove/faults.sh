#!/usr/bin/env bash
# A hung rank, a killed rank, a slow rank (3x), a cut link, a full disk, an
# unreadable shard: for each, the right line within its limit after the event,
# and the documented exit code. The cut link needs the network-namespace hosts
# of $SHARED/netns-hosts; without them that row is said to be skipped.
. "$(dirname "$0")/prelude.sh"
DEADLINE=${DEADLINE:-5}  # comm.deadline_s and comm.silent_s of these runs.
SLACK=${SLACK:-3}        # Heartbeats, scheduling on a loaded machine.
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none
small_world 5
bad=0 rows=0 skipped=0

# Each line behind the milliseconds at which it came.
stamped() { while IFS= read -r line; do printf '%s %s\n' "$(date +%s%3N)" "$line"; done; }

# started OUT LAUNCH_OPTIONS OPTIONS: a run of two ranks, its lines stamped in
# OUT.log. Returns when the launcher has ended, whoever still holds its output.
started() {
	local out=$1 launch=$2 options=$3
	# shellcheck disable=SC2086
	{ "$BIN/voxlift-launch" -n 2 --backoff 0.1 $launch -- train \
		--data.train "$WORK/train" --run.out "$out" --run.epochs "${EPOCHS:-8}" \
		--batch.slots 2 --batch.slot_batch 4 --model.stem_channels 8 \
		--model.base_channels 8 --photo.image_size "${SIZE:-32}" --checkpoint.every_steps 2 \
		--comm.deadline_s "$DEADLINE" $options 2>&1 && echo "exit 0" || echo "exit $?"; } \
		> >(stamped >"$out.log")
	until grep -qE '^[0-9]+ exit ' "$out.log"; do sleep 0.1; done
}

# row NAME OUT EVENT LINE LIMIT CODE: LINE came at most LIMIT s after EVENT
# (both regular expressions; EVENT may be a time in ms), and the launcher ended
# with CODE.
row() {
	local name=$1 out=$2 event=$3 line=$4 limit=$5 code=$6 from at got took count
	rows=$((rows + 1))
	from=$event
	[[ $event =~ ^[0-9]+$ ]] || from=$(grep -m1 -E "$event" "$out.log" | cut -d' ' -f1)
	at=$(grep -m1 -E "$line" "$out.log" | cut -d' ' -f1 || true)
	got=$(sed -n 's/^[0-9]* exit //p' "$out.log")
	count=$(grep -cE '^[0-9]+ voxlift train' "$out.log" || true)
	took=$(awk -v a="${at:-0}" -v b="${from:-0}" 'BEGIN { printf "%.2f", (a - b) / 1000 }')
	if [ -n "$at" ] && [ -n "$from" ] && [ "$got" = "$code" ] && [ "$count" -le 1 ] &&
		awk -v t="$took" -v l="$limit" 'BEGIN { exit !(t <= l) }'; then
		printf '%-22s line after %5s s (limit %s s), exit %s\n' "$name" "$took" "$limit" "$got"
	else
		printf '%-22s FAILS: line after %s s (limit %s s), exit %s (want %s), %s error lines\n' \
			"$name" "${at:+$took}" "$limit" "$got" "$code" "$count"
		bad=$((bad + 1))
	fi
	grep -m1 -E "$line" "$out.log" | cut -d' ' -f2- | sed 's/^/    /' || true
}

limit=$((DEADLINE + SLACK))
started "$WORK/hung" "" "--fault hang@step=7,rank=1"
row "hung rank" "$WORK/hung" "fault: hang" "CommError: rank 1 on .* silent .*stopped or starved" $limit 0
grep -q "restart 1 of 3" "$WORK/hung.log" || { echo "    was not restarted"; bad=$((bad + 1)); }

started "$WORK/hung0" "--max-restarts 0" "--fault hang@step=7,rank=0"
row "hung rank 0" "$WORK/hung0" "fault: hang" "CommError: rank 0 on .* silent " $limit 5

started "$WORK/killed" "" "--fault kill@step=7,rank=1"
row "killed rank" "$WORK/killed" "fault: kill" "CommError: rank 1 on .* is gone" $SLACK 0

started "$WORK/killed0" "--max-restarts 0" "--fault kill@step=7,rank=0"
row "killed rank 0" "$WORK/killed0" "fault: kill" "CommError: rank 0 on .* is gone" $SLACK 5

started "$WORK/stuck" "--max-restarts 0" "--fault spin@step=7,rank=1"
row "rank that spins" "$WORK/stuck" "fault: spin" "CommError: rank 1 on .* alive, but .*: stuck" $limit 5

# Slow from the start on: named as soon as 20 steps after the first are measured.
EPOCHS=60 SIZE=64 started "$WORK/slow" "" "--fault slow@step=2,rank=1,factor=3 --comm.heartbeat_s 0.5"
seen=$(sed -n 's/.*"type":"straggler","step":\([0-9]*\).*/\1/p' "$WORK/slow/log.jsonl" | head -1 || true)
row "slow rank (3x)" "$WORK/slow" "training on" "rank 1 on .* is slow: " 60 0
echo "    named at step ${seen:-none} of 180"

started "$WORK/full" "" "--fault enospc@step=6,rank=0,steps=1000"
row "full disk" "$WORK/full" "training on" "checkpoint of step 6 not written: .*No space left" 60 4

EPOCHS=100000 started "$WORK/shard" "" "" &
run=$!
until [ -e "$WORK/shard/checkpoints/step_00000004" ]; do sleep 0.1; done
cp "$WORK/train/shard-00000.h5" "$WORK/good.h5"
spot=$(LC_ALL=C grep -obUaP '\xff\xd8\xff' "$WORK/train/shard-00000.h5" | head -1 | cut -d: -f1)
at=$(date +%s%3N)
printf '\x55\xaa' | dd of="$WORK/train/shard-00000.h5" bs=1 seek=$((spot + 200)) conv=notrunc status=none
wait $run
row "damaged shard" "$WORK/shard" "$at" "DataError: .*shard shard-00000.h5, sample .*checksum" $SLACK 3

rm "$WORK/train/shard-00000.h5"
started "$WORK/missing" "" ""
row "missing shard" "$WORK/missing" "started mpirun" "DataError: .*shard-00000.h5', which does not exist" 30 3
cp "$WORK/good.h5" "$WORK/train/shard-00000.h5"

hosts=$SHARED/netns-hosts
if [ -x "$hosts/up.sh" ] && "$hosts/up.sh" -d "$WORK/hosts" -n 2 -s 1 >/dev/null 2>&1; then
	trap '"$hosts/down.sh" -d "$WORK/hosts" >/dev/null 2>&1; rm -rf "$WORK"' EXIT
	# shellcheck disable=SC1091
	. "$WORK/hosts/env.sh"
	# mpirun itself gives a silent host up after 5 s: the line must be earlier.
	EPOCHS=100000 started "$WORK/cut" "--max-restarts 0 --hostfile $WORK/hosts/hostfile" "--comm.silent_s 3" &
	run=$!
	until [ -e "$WORK/cut/checkpoints/step_00000004" ]; do sleep 0.1; done
	at=$(date +%s%3N)
	"$hosts/host.sh" -d "$WORK/hosts" cut h2
	wait $run
	row "cut link" "$WORK/cut" "$at" "CommError: rank 1 on h2 .*link is cut" 5 5
else
	echo "cut link               skipped: no $hosts, or no right to make namespaces"
	skipped=1
fi
echo "faults: $((rows - bad)) of $rows events are told in time and end as documented ($skipped skipped)"
[ $bad = 0 ]
