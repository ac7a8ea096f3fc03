#!/usr/bin/env bash
# `voxlift pack`, `inspect` and `verify` do not load LibTorch.
. "$(dirname "$0")/prelude.sh"
small_world
loaded=0
for program in voxlift voxlift-launch; do
	libraries=$(ldd "$BIN/$program" | grep -cE 'libtorch|libc10|libcuda' || true)
	echo "$program: $libraries libraries of LibTorch or CUDA in ldd"
	loaded=$((loaded + libraries))
done
# What ldd cannot see: libraries that the commands open while they run.
for command in "pack --source $WORK/photos --layout imagenet --out $WORK/again" \
	"inspect $WORK/train" "verify $WORK/train"; do
	seen=$(LD_DEBUG=files "$BIN/voxlift" $command 2>&1 >/dev/null |
		grep -cE 'calling init: .*(libtorch|libc10)' || true)
	echo "voxlift ${command%% *}: $seen loaded while it runs"
	loaded=$((loaded + seen))
done
echo "light_tools: $loaded libraries of LibTorch loaded by pack, inspect and verify"
[ $loaded = 0 ]
