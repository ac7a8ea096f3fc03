#include "trainer/detection/box_losses.h"

namespace voxlift::trainer {
namespace {

// max(z, 0) - z t + log(1 + exp(-|z|)): no overflow for any z.
torch::Tensor cross_entropies(const torch::Tensor& logits,
                              const torch::Tensor& targets) {
  return logits.clamp_min(0.0) - logits * targets +
         torch::log1p(torch::exp(-logits.abs()));
}

}  // namespace

torch::Tensor smooth_l1_sum(const torch::Tensor& values,
                            const torch::Tensor& targets, double beta) {
  const torch::Tensor distance = (values - targets).abs();
  return torch::where(distance < beta, distance.square() * (0.5 / beta),
                      distance - 0.5 * beta)
      .sum();
}

torch::Tensor binary_cross_entropy_sum(const torch::Tensor& logits,
                                       const torch::Tensor& targets) {
  return cross_entropies(logits, targets).sum();
}

torch::Tensor focal_loss_sum(const torch::Tensor& logits,
                             const torch::Tensor& targets, double alpha,
                             double gamma) {
  const torch::Tensor p = torch::sigmoid(logits);
  const torch::Tensor wrong = p * (1.0 - targets) + (1.0 - p) * targets;
  const torch::Tensor weight =
      alpha * targets + (1.0 - alpha) * (1.0 - targets);
  return (weight * wrong.pow(gamma) * cross_entropies(logits, targets)).sum();
}

}  // namespace voxlift::trainer
