#pragma once
// Test-time mirroring: the mean score over an image and its mirror images.

#include <torch/torch.h>

#include <functional>
#include <string>

namespace voxlift::trainer {

// Scores (N, K, d, h, w) of windows (N, 1, d, h, w), float32; the input is on
// the CPU, the scores may be anywhere and of any float type.
using WindowNetwork =
    std::function<torch::Tensor(const torch::Tensor& x_NCDHW)>;

// The mean of network(x) over the mirrorings along every subset of the axes
// `flips` (letters of d, h, w), mirrored back. One call of it is 2^letters
// calls of `network`.
WindowNetwork mirrored_mean(WindowNetwork network, const std::string& flips);

}  // namespace voxlift::trainer
