#!/usr/bin/env bash
# A training step of the U-Net (1 x 32 x 128 x 128) and of MP3D-18ba (1 x 9 x 256 x
# 256) takes no longer than in PyTorch: the race of step_ratio.sh.
CASES=${CASES:-unet18 mp3d18ba} LIMIT=${LIMIT:-1.0} exec "$(dirname "$0")/step_ratio.sh"
