#pragma once
// Losses of scores per voxel, one value per sample.

#include <torch/torch.h>

#include <cstdint>

namespace voxlift::trainer {

// Voxels of this label are left out of every loss and score.
inline constexpr int64_t kIgnoredLabel = 255;

// In all of them: logits (N, K, D, H, W) floating; label (N, D, H, W) int64, 0
// to K - 1 or kIgnoredLabel; result (N), 0 where every voxel is ignored, NaN
// where a logit of the sample is NaN, even in an ignored voxel.
// Differentiable in the logits. Sums run in the logits' type.

// Mean over the voxels of -log softmax at the label. With `smoothing` e the
// target is 1 - e + e / K at the label and e / K elsewhere.
torch::Tensor voxel_cross_entropy(const torch::Tensor& logits_NKDHW,
                                  const torch::Tensor& label_NDHW,
                                  double smoothing = 0.0);

struct DiceOptions {
  // Class 0 counts like the others.
  bool background = false;
  // The denominator sums squares: source: Milletari et al., "V-Net", 3DV 2016.
  bool squared = false;
  // Added to numerator and denominator: a class that is neither there nor
  // predicted costs nothing.
  double smooth = 1e-5;
};

// 1 - mean over the classes of (2 sum(p g) + s) / (sum(p) + sum(g) + s), p the
// softmax, g the label as 0 and 1: 0 for a perfect answer. With one class left
// (K = 2 without background) the mean is that class.
torch::Tensor dice_loss(const torch::Tensor& logits_NKDHW,
                        const torch::Tensor& label_NDHW,
                        const DiceOptions& options);

// Mean over the voxels of -(1 - p)^gamma log p, p the softmax at the label.
// Source: Lin et al., "Focal loss for dense object detection", ICCV 2017.
torch::Tensor focal_loss(const torch::Tensor& logits_NKDHW,
                         const torch::Tensor& label_NDHW, double gamma);

}  // namespace voxlift::trainer
