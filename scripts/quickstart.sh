#!/usr/bin/env bash
# From nothing to a scored model on a fresh Debian 12: installs, builds, makes a
# small world, packs it, pre-trains on 2 ranks, loses one of them to SIGKILL in
# the middle, resumes by itself, fine-tunes on scans, evaluates, and says where
# everything is. Asks nothing. A second run skips what is there.
#
#   scripts/quickstart.sh [FOLDER]      default: ./quickstart
set -euo pipefail
cd "$(dirname "$0")/.."
OUT=${1:-quickstart}
BIN=$PWD/build/cpu-release/bin
begin=$SECONDS
step() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - begin)); }

step "install and build"
scripts/install_deps.sh
if [ ! -x "$BIN/voxlift-trainer" ] || [ -n "$(find base dataio sharding trainer launcher cmake CMakeLists.txt -newer "$BIN/voxlift-trainer" -print -quit)" ]; then
	echo "building in build/cpu-release (some minutes the first time)"
	cmake --preset cpu-release >/dev/null
	cmake --build --preset cpu-release -j "$(nproc)" --target voxlift voxlift-trainer voxlift-launch |
		grep -E '^ninja|error|FAILED|\[.*/.*\] Linking' || true
fi
[ -x "$BIN/voxlift-trainer" ] || { echo "the build has failed; its messages: cmake --build --preset cpu-release" >&2; exit 1; }
mkdir -p "$OUT"
export PATH=$BIN:$PATH

step "a small world: photographs of 8 classes, scans of 2 kinds of nodules"
[ -e "$OUT/photos/meta/val.txt" ] || voxlift synth photos --out "$OUT/photos" --train-per-class 48 --val-per-class 12 --size 96
[ -e "$OUT/scans/val.csv" ] || voxlift synth volumes --out "$OUT/scans" --train-per-class 24 --val-per-class 12 --size 40

step "pack them into HDF5 shards, checked"
pack() { # OUT-NAME OPTION...
	[ -e "$OUT/shards/$1/index.json" ] || voxlift-launch -n 2 -- pack --out "$OUT/shards/$1" "${@:2}"
	voxlift verify "$OUT/shards/$1"
}
pack photos-train --source "$OUT/photos" --layout imagenet --split train
pack photos-val --source "$OUT/photos" --layout imagenet --split val
pack scans-train --source "$OUT/scans/train.csv" --layout volumes
pack scans-val --source "$OUT/scans/val.csv" --layout volumes
voxlift inspect "$OUT/shards/photos-train" --contact-sheet "$OUT/photos.png" --transform train --image-size 64 >/dev/null

step "pre-train on 2 ranks; one of them is killed at step 90 and the run resumes"
voxlift-launch -n 2 -- train --config configs/quickstart_pretrain.cfg \
	--data.train "$OUT/shards/photos-train" --data.val "$OUT/shards/photos-val" \
	--run.out "$OUT/pretrain" --run.fault kill@step=90,rank=1

step "fine-tune on scans, from the pre-trained backbone and from scratch"
finetune() { # NAME OPTION...
	voxlift-launch -n 2 -- train --config configs/quickstart_finetune.cfg \
		--data.train "$OUT/shards/scans-train" --data.val "$OUT/shards/scans-val" \
		--run.out "$OUT/$1" "${@:2}"
}
pretrained=$(sed -n 's/.*"checkpoint": "\(.*\)".*/\1/p' "$OUT/pretrain/result.json")
finetune finetune --init.weights "$pretrained"
finetune scratch

step "evaluate"
score() { voxlift evaluate --checkpoint "$OUT/$1" --data "$OUT/shards/$2" --json "$OUT/$1/scores.json" | sed 's/,"confusion".*//'; }
printf 'photographs, 8 classes:          '; score pretrain photos-val
printf 'scans, pre-trained:              '; score finetune scans-val
printf 'scans, from scratch:             '; score scratch scans-val

step "done"
cat <<TXT
In $OUT:
  photos/ scans/                    the generated files
  shards/                           the same, packed (voxlift inspect DIR, voxlift verify DIR)
  photos.png                        samples as the network sees them
  pretrain/ finetune/ scratch/      runs: log.jsonl, result.json, resolved.cfg,
                                    checkpoints/step_*/model.safetensors
The run that lost a rank: grep start $OUT/pretrain/log.jsonl
TXT
