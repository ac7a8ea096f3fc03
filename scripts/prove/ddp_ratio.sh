#!/usr/bin/env bash
# Two ranks train ResNet3D-18 at 1.2 times the samples/s of PyTorch's DDP (gloo)
# or more, and summing the gradients costs less than 3 % of a step. The two
# programs alternate; each alternates steps with and without communication.
# ROUNDS=5, STEPS=3, SLOT_BATCH=4 and SHAPE=3,224,224 can be changed by the
# environment. Wants two idle cores; needs python3-torch for the peer.
. "$(dirname "$0")/prelude.sh"
ROUNDS=${ROUNDS:-5}
STEPS=${STEPS:-3}
SLOT_BATCH=${SLOT_BATCH:-4}
SHAPE=${SHAPE:-3,224,224}
/usr/bin/python3 -c 'import torch.distributed' 2>/dev/null || {
	echo "$NAME: install python3-torch" >&2
	exit 2
}
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_MCA_rmaps_base_oversubscribe=1
if [ "$(id -u)" -eq 0 ]; then
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
common=(--slot-batch "$SLOT_BATCH" --shape "$SHAPE" --threads 1 --warmup 1 --steps "$STEPS")
for ((round = 0; round < ROUNDS; ++round)); do
	mpirun -n 2 "$BIN/voxlift" bench train.step "${common[@]}" >>"$WORK/ours"
	/usr/bin/python3 "$ROOT/scripts/bench/ddp_peer.py" --ranks 2 "${common[@]}" >>"$WORK/peer"
	tail -qn 3 "$WORK/ours" "$WORK/peer"
done
python3 - "$WORK/ours" "$WORK/peer" <<'PY'
import json, statistics, sys


def rounds(path, name, key):
    lines = [json.loads(line) for line in open(path)]
    return [line[key] for line in lines if line["name"] == name]


ours, peer = sys.argv[1:]
ratio = statistics.median(
    a / b for a, b in zip(rounds(ours, "train.step", "samples_s"),
                          rounds(peer, "train.step", "samples_s")))
alone = statistics.median(
    a / b for a, b in zip(rounds(ours, "train.step.alone", "samples_s"),
                          rounds(peer, "train.step.alone", "samples_s")))
cpu = statistics.median(
    b / a for a, b in zip(rounds(ours, "train.step", "cpu_s"),
                          rounds(peer, "train.step", "cpu_s")))
mine, theirs = (statistics.median(rounds(p, "train.step.sync_share", "median"))
                for p in (ours, peer))
print(f"ddp_ratio: {ratio:.2f} times DDP's samples/s (want 1.2; without "
      f"communication {alone:.2f}, in processor time {cpu:.2f}); gradient "
      f"sum {100 * mine:.1f} % of a step "
      f"(want 3; DDP {100 * theirs:.1f} %)")
sys.exit(ratio < 1.2 or mine >= 0.03)
PY
