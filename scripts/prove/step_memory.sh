#!/usr/bin/env bash
# The peak memory of a training step is at most 0.8 of PyTorch's: the race of
# step_ratio.sh, whose options it takes.
JUDGE=memory exec "$(dirname "$0")/step_ratio.sh"
