#!/usr/bin/env bash
# Every golden case of a ResNet3D, and both .pth containers, at their tolerance.
. "$(dirname "$0")/prelude.sh"
[ -d "$SHARED/parity" ] || { echo "parity: no golden vectors in $SHARED/parity"; exit 2; }
cd "$SHARED/parity"
"$BIN/voxlift-parity" resnet3d18_bn_pretrain.h5 resnet3d18_bn_isotropic.h5 \
	resnet3d50_gn_pretrain.h5 narrow_resnet3d18.h5 | tee "$WORK/out"
for weights in narrow_resnet3d18_mm.pth narrow_resnet3d18_mm_ddp_legacy.pth; do
	"$BIN/voxlift-parity" --weights $weights narrow_resnet3d18.h5 | tee -a "$WORK/out"
done
pass=$(grep -c '^  pass' "$WORK/out")
fail=$(grep -c '^  FAIL' "$WORK/out" || true)
echo "parity: $pass comparisons pass, $fail fail"
[ "$fail" = 0 ] && [ "$pass" -gt 30 ]
