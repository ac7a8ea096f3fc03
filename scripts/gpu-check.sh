#!/usr/bin/env bash
# Everything that wants a GPU, in one call: builds voxlift against a LibTorch with
# CUDA, runs the tests labelled gpu and two NCCL ranks on one GPU, measures, and
# prints a table in Markdown.
#
#   scripts/gpu-check.sh [--prefix DIR] [--out DIR]
#   scripts/gpu-check.sh --cpu        the same steps with the CPU build, small
#
# Needs CMake, a compiler, the CUDA toolkit and python3 with PyTorch (whose own
# LibTorch is built against, torch/share/cmake). --prefix: where the bundle of
# scripts/bundle-deps.sh was unpacked, on a machine without the Debian packages.
# PEAK_TFLOPS_FP32 and PEAK_TFLOPS_BF16 are the device's dense peaks, for the
# share of them that is used (default: an H100 or H200, 67 and 989).
set -euo pipefail
cd "$(dirname "$0")/.."

device=cuda preset=cuda-release prefix='' out=build/gpu-check
python=${PYTHON:-python3}
shape=3,224,224 batch=64 steps=10 warmup=5
while [ $# -gt 0 ]; do
  case $1 in
    --cpu) device=cpu preset=cpu-release shape=3,64,64 batch=2 steps=2 warmup=1 ;;
    --prefix) prefix=$2 && shift ;;
    --out) out=$2 && shift ;;
    *) echo "usage: gpu-check.sh [--cpu] [--prefix DIR] [--out DIR]" >&2 && exit 2 ;;
  esac
  shift
done
bin=build/$preset/bin
mkdir -p "$out"
lines=$out/lines.jsonl
: >"$lines"

say() { echo "gpu-check: $*" >&2; }

build() {
  local arguments=(--preset "$preset")
  if [ -n "$prefix" ]; then
    # shellcheck disable=SC1091  # Written by unpack.sh.
    . "$prefix/env.sh"
    arguments+=(-C "$prefix/prefix.cmake")
  fi
  if [ $device = cuda ]; then
    arguments+=("-DCMAKE_PREFIX_PATH=$("$python" -c 'import torch; print(torch.utils.cmake_prefix_path)')")
  fi
  cmake "${arguments[@]}" >"$out/configure.log"
  cmake --build "build/$preset" -j "$(nproc)" --target ${TARGETS:-all} >"$out/build.log"
}

# mpi_ranks N COMMAND...: every rank takes the GPU to be on a host of its own:
# NCCL refuses two ranks of one host on one GPU.
mpi_ranks() {
  local n=$1
  shift
  # shellcheck disable=SC2016  # Expanded by each rank.
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
    OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none \
    OMPI_MCA_mpi_yield_when_idle=1 mpirun -n "$n" \
    bash -c 'export NCCL_HOSTID=rank$OMPI_COMM_WORLD_RANK; exec "$@"' _ "$@"
}

# keep CASE COMMAND...: its JSON lines, with the name of the case.
keep() {
  local name=$1
  shift
  say "$name"
  if "$@" >"$out/last" 2>"$out/last.err"; then
    sed -nE "s/^\{/{\"case\":\"$name\",/p" "$out/last" >>"$lines"
  else
    say "$name: failed: $(tail -1 "$out/last.err")"
    echo "{\"case\":\"$name\",\"failed\":true}" >>"$lines"
  fi
}

# has OPTION: does `bench train.step` know it?
has() { "$bin/voxlift" bench train.step --help | grep -q -- "$1 "; }

bench_steps() {
  local common=(--slot-batch "$batch" --shape "$shape" --steps "$steps" --warmup "$warmup")
  local precision layout compile
  for precision in fp32 bf16; do
    for layout in 0 1; do
      local ours=("${common[@]}" --device "$device")
      if has precision; then ours+=(--precision "${precision/fp32/float32}"); elif [ $precision = bf16 ]; then continue; fi
      if has channels-last; then ours+=(--channels-last "$layout"); elif [ $layout = 1 ]; then continue; fi
      keep "voxlift $precision channels_last=$layout" "$bin/voxlift" bench train.step "${ours[@]}"
    done
  done
  for compile in 0 1; do
    if [ $compile = 1 ] && ! "$python" -c 'import torch; torch.compile' 2>/dev/null; then continue; fi
    for precision in fp32 bf16; do
      if [ $device = cpu ] && [ $precision = bf16 ]; then continue; fi
      for layout in 0 1; do
        keep "PyTorch $([ $compile = 1 ] && echo compile || echo eager) $precision channels_last=$layout" \
          "$python" scripts/bench/ddp_peer.py --ranks 1 --device "$device" --alone 0 \
          --precision $precision --channels-last $layout --compile $compile "${common[@]}"
      done
    done
  done
}

bench_ranks() {
  keep "voxlift two ranks" mpi_ranks 2 "$bin/voxlift" bench train.step \
    --device "$device" --slot-batch "$batch" --shape "$shape" --steps "$steps" --warmup "$warmup"
  if "$bin/voxlift" bench --help | grep -q comm.allreduce; then
    keep "all-reduce" mpi_ranks 2 "$bin/voxlift" bench comm.allreduce
  fi
}

# A short run on generated photographs that writes a checkpoint in every second
# step.
bench_checkpoint() {
  say "checkpoints"
  rm -rf "$out/photos" "$out/packed" "$out/run"
  "$bin/voxlift" synth photos --out "$out/photos" --classes 4 --train-per-class 16 \
    --val-per-class 2 --size 64 --seed 1 >/dev/null
  "$bin/voxlift" pack --source "$out/photos" --layout imagenet --split train \
    --out "$out/packed" >/dev/null 2>&1
  "$bin/voxlift" train --data.train "$out/packed" --run.out "$out/run" --run.epochs 2 \
    --run.device "$device" --batch.slot_batch 8 --photo.image_size 64 \
    --checkpoint.every_steps 2 >"$out/train.log" 2>&1 || say "train failed: $(tail -1 "$out/train.log")"
}

table() {
  "$python" - "$lines" "$out/run/log.jsonl" <<'PY'
import json, os, statistics, sys

lines = [json.loads(line) for line in open(sys.argv[1])]
peaks = {"fp32": float(os.environ.get("PEAK_TFLOPS_FP32", 67)),
         "bf16": float(os.environ.get("PEAK_TFLOPS_BF16", 989))}
flop = next((l["flop_per_sample"] for l in lines if "flop_per_sample" in l), 0)
print("| case | step ms | samples/s | share of peak |\n|---|---|---|---|")
for line in lines:
    if line.get("failed"):
        print(f"| {line['case']} | failed | | |")
    elif line.get("name") == "train.step":
        peak = peaks["bf16" if "bf16" in line["case"] else "fp32"]
        share = line["samples_s"] * flop / peak / 1e12
        print(f"| {line['case']} | {1e3 * line['median']:.1f} "
              f"| {line['samples_s']:.1f} | {100 * share:.1f} % |")
for line in lines:
    if line.get("name", "").startswith(("comm.", "train.step.sync_share")):
        print(f"\n{line['case']}, {line['name']}: " + ", ".join(
            f"{k} {v}" for k, v in line.items() if k not in ("case", "name")))
stalls = []
if os.path.exists(sys.argv[2]):
    for text in open(sys.argv[2]):
        stalls += [v for k, v in json.loads(text).items() if "stall" in k]
print("\ncheckpoint stall, ms: " + (
    f"{1e3 * statistics.median(stalls):.1f} (median of {len(stalls)})"
    if stalls else "not in the log"))
PY
}

say "building in build/$preset"
build
say "tests"
ctest --test-dir "build/$preset" -L gpu --output-on-failure >"$out/tests.log" 2>&1 ||
  say "tests failed: $out/tests.log"
bench_steps
bench_ranks
bench_checkpoint
{
  if [ $device = cuda ]; then nvidia-smi --query-gpu=name,driver_version --format=csv,noheader; fi
  "$python" -c 'import torch; print("PyTorch", torch.__version__)'
  echo "ResNet3D-18, $shape, batch $batch"
  echo
  table
} | tee "$out/table.md"
if grep -q '"failed":true' "$lines"; then exit 1; fi
