#!/usr/bin/env bash
# ResNet3D-18 on two hosts (network namespaces) with a shaped link: a step takes
# at most 1.1 times the longer of computing and communicating; PyTorch DDP's
# figure beside it. TURNS (3) turns, medians.
#
# Needs root and the scripts of $SHARED/netns-hosts. Steps with and without
# communication alternate within `bench train.step`. The batch must be such that
# backward lasts longer than the sums: they cannot begin before it does.
. "$(dirname "$0")/prelude.sh"
# shellcheck source=scripts/prove/mpi_env.sh
. "$ROOT/scripts/prove/mpi_env.sh"
rate=${RATE:-1gbit} batch=${SLOT_BATCH:-16} side=${SIDE:-112} steps=${STEPS:-6}
netns=$SHARED/netns-hosts
[ -x "$netns/up.sh" ] || {
	echo "$NAME: no $netns: set VOXLIFT_SHARED" >&2
	exit 2
}
AT_EXIT="$netns/down.sh -d $WORK/hosts"
"$netns/up.sh" -d "$WORK/hosts" -n 2 -s 1 >/dev/null
. "$WORK/hosts/env.sh"
. "$WORK/hosts/net.conf"
for host in h1 h2; do
	"$netns/host.sh" -d "$WORK/hosts" rate $host "$rate"
done

on_hosts() {
	mpirun -n 2 --hostfile "$WORK/hosts/hostfile" "$@" 2>>"$WORK/log"
}

# DDP's rank $1 on host h($1 + 1).
ddp_rank() {
	"$netns/host.sh" -d "$WORK/hosts" exec "h$(($1 + 1))" \
		env GLOO_SOCKET_IFNAME=eth0 /usr/bin/python3 \
		"$ROOT/scripts/bench/ddp_peer.py" --ranks 2 --rank "$1" \
		--address "$NET_PREFIX.1:29511" --shape "3,$side,$side" \
		--slot-batch "$batch" --steps "$steps" 2>>"$WORK/log"
}

for _ in $(seq "${TURNS:-3}"); do
	on_hosts "$BIN/voxlift" bench train.step --shape "3,$side,$side" \
		--slot-batch "$batch" --steps "$steps" | sed 's/^/ours /'
	# ResNet3D-18's gradients.
	on_hosts "$BIN/voxlift" bench comm.allreduce --sizes 132674816 --rounds 3 \
		--ways exact | sed 's/^/ours /'
	ddp_rank 1 >/dev/null &
	ddp_rank 0 | sed 's/^/ddp /'
	wait $!
done >"$WORK/lines"
/usr/bin/python3 - "$WORK/lines" <<'PYTHON'
import json
import statistics
import sys

turns = {}
for line in open(sys.argv[1]):
    who, text = line.split(" ", 1)
    figure = json.loads(text)
    turns.setdefault((who, figure["name"]), []).append(figure["median"])
communication = turns["ours", "comm.allreduce"]


def ratio(who):
    """Median over turns of a step over the longer of its two halves.

    A step is compared with the one without communication just after it: others
    use this machine, too."""
    steps, alone = turns[who, "train.step"], turns[who, "train.step.alone"]
    shares = turns[who, "train.step.sync_share"]
    print(f"{who}: step {statistics.median(steps):.2f} s, computing alone "
          f"{statistics.median(alone):.2f} s, the sums alone (ours) "
          f"{statistics.median(communication):.2f} s")
    return statistics.median((1 + s) * a / max(a, c) for s, a, c
                             in zip(shares, alone, communication))


ours, ddp = ratio("ours"), ratio("ddp")
print(f"overlap_shaped: a step takes {ours:.3f} of max(compute, communication) "
      f"(at most 1.1); PyTorch DDP {ddp:.3f}")
sys.exit(0 if ours <= 1.1 else 1)
PYTHON
