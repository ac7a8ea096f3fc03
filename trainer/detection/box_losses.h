#pragma once
// Losses of boxes and their scores, summed over all elements. Any floating
// dtype; differentiable in the first argument.

#include <torch/torch.h>

namespace voxlift::trainer {

// 0.5 d^2 / beta for |d| < beta, else |d| - 0.5 beta. beta > 0.
// Source: Girshick, ICCV 2015, DOI 10.1109/ICCV.2015.169.
torch::Tensor smooth_l1_sum(const torch::Tensor& values,
                            const torch::Tensor& targets, double beta);

// Cross entropy of sigmoid(logits) against targets in [0, 1].
torch::Tensor binary_cross_entropy_sum(const torch::Tensor& logits,
                                       const torch::Tensor& targets);

// The same, each element times (1 - p)^gamma, p the probability of what is
// true, and times alpha (or 1 - alpha for a target of 0).
// Source: Lin et al., ICCV 2017, DOI 10.1109/ICCV.2017.324.
torch::Tensor focal_loss_sum(const torch::Tensor& logits,
                             const torch::Tensor& targets, double alpha,
                             double gamma);

}  // namespace voxlift::trainer
