#include "trainer/loss/voxel_losses.h"

#include <limits>

namespace voxlift::trainer {
namespace {

// What is not ignored, and labels that can be gathered by.
struct Labels {
  torch::Tensor index_NDHW;  // int64; 0 where ignored.
  torch::Tensor kept_NDHW;   // 1 or 0, as the logits' type.
};

Labels split(const torch::Tensor& label_NDHW, const torch::Tensor& logits) {
  const torch::Tensor kept = label_NDHW != kIgnoredLabel;
  return {label_NDHW * kept, kept.to(logits.scalar_type())};
}

// (N) means of values (N, D, H, W) over what is kept.
torch::Tensor mean_over_voxels(const torch::Tensor& value_NDHW,
                               const Labels& labels) {
  const torch::Tensor sum_N = (value_NDHW * labels.kept_NDHW).flatten(1).sum(1);
  return sum_N / labels.kept_NDHW.flatten(1).sum(1).clamp_min(1.0);
}

// log softmax at the label, (N, D, H, W).
torch::Tensor at_label(const torch::Tensor& log_p_NKDHW, const Labels& labels) {
  return log_p_NKDHW.gather(1, labels.index_NDHW.unsqueeze(1)).squeeze(1);
}

}  // namespace

torch::Tensor voxel_cross_entropy(const torch::Tensor& logits_NKDHW,
                                  const torch::Tensor& label_NDHW,
                                  double smoothing) {
  const Labels labels = split(label_NDHW, logits_NKDHW);
  const torch::Tensor log_p_NKDHW = logits_NKDHW.log_softmax(1);
  torch::Tensor loss_NDHW = -at_label(log_p_NKDHW, labels);
  if (smoothing > 0.0) {
    loss_NDHW = (1.0 - smoothing) * loss_NDHW - smoothing * log_p_NKDHW.mean(1);
  }
  return mean_over_voxels(loss_NDHW, labels);
}

torch::Tensor dice_loss(const torch::Tensor& logits_NKDHW,
                        const torch::Tensor& label_NDHW,
                        const DiceOptions& options) {
  const Labels labels = split(label_NDHW, logits_NKDHW);
  const torch::Tensor kept_N1DHW = labels.kept_NDHW.unsqueeze(1);
  const torch::Tensor p_NKDHW = logits_NKDHW.softmax(1) * kept_N1DHW;
  const torch::Tensor g_NKDHW =
      torch::zeros_like(p_NKDHW)
          .scatter_(1, labels.index_NDHW.unsqueeze(1), 1.0)
          .mul_(kept_N1DHW);
  const auto sum = [](const torch::Tensor& value) {
    return value.flatten(2).sum(2);
  };
  const torch::Tensor both_NK = sum(p_NKDHW * g_NKDHW);
  const torch::Tensor either_NK =
      (options.squared ? sum(p_NKDHW.square()) : sum(p_NKDHW)) + sum(g_NKDHW);
  torch::Tensor dice_NK =
      (2.0 * both_NK + options.smooth) / (either_NK + options.smooth);
  if (!options.background) {
    dice_NK = dice_NK.slice(1, 1);
  }
  return 1.0 - dice_NK.mean(1);
}

torch::Tensor focal_loss(const torch::Tensor& logits_NKDHW,
                         const torch::Tensor& label_NDHW, double gamma) {
  const Labels labels = split(label_NDHW, logits_NKDHW);
  const torch::Tensor log_p_NDHW =
      at_label(logits_NKDHW.log_softmax(1), labels);
  // log p of a sure answer may round to 0: 1 - p is then 0, never below. Just
  // above 0 so that its power has a slope where gamma is less than 1.
  constexpr double kTiny = std::numeric_limits<float>::min();
  const torch::Tensor miss_NDHW = (-torch::expm1(log_p_NDHW)).clamp_min(kTiny);
  return mean_over_voxels(-miss_NDHW.pow(gamma) * log_p_NDHW, labels);
}

}  // namespace voxlift::trainer
