#pragma once
// First stage: proposals of boxes from a feature pyramid.
//
// Source: Ren et al., NIPS 2015, arXiv 1506.01497; over a pyramid: Lin et al.,
// CVPR 2017, DOI 10.1109/CVPR.2017.106. Names are those of published files.

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/detection/boxes.h"
#include "trainer/detection/detector_config.h"
#include "trainer/model/conv.h"

namespace voxlift::trainer {

// Scores and offsets of every anchor: K of them, level by level.
struct RpnOutput {
  torch::Tensor logits_NK;
  torch::Tensor deltas_NK4;
  torch::Tensor anchors_K4;
  std::vector<int64_t> level_sizes;  // Anchors of each level; they sum to K.
};

// Names: `rpn_conv`, `rpn_cls`, `rpn_reg`, each with weight and bias.
class RpnHeadImpl : public torch::nn::Module {
 public:
  RpnHeadImpl(const RpnConfig& config, int64_t channels);

  // `levels_NCHW`: as many as the anchors have strides. float32 comes back,
  // or float64 where that went in.
  RpnOutput forward(const std::vector<torch::Tensor>& levels_NCHW);

 private:
  AnchorOptions anchors_;
  PlaneConv conv_{nullptr};
  PlaneConv scores_{nullptr};
  PlaneConv deltas_{nullptr};
};

TORCH_MODULE(RpnHead);

// Weights N(0, 0.01^2), biases 0.
void initialize(RpnHeadImpl& model, uint64_t seed);

// Two losses of one batch.
struct BoxLosses {
  torch::Tensor scores;
  torch::Tensor boxes;
};

// The loss against the true boxes of each picture, the sums divided by the
// number of sampled anchors (at least one of each kind a picture). With
// "focal": scores over all anchors but those that are neither, divided by the
// number of anchors that stand for a true box. Draws are keyed by slot_seed()
// and the picture's place in the batch.
BoxLosses rpn_loss(const RpnOutput& output,
                   const std::vector<torch::Tensor>& truth_M4,
                   std::span<const ImageSize> sizes, const RpnConfig& config);

// For each picture boxes (P, 4), P <= per_image, best first. No gradient.
std::vector<torch::Tensor> make_proposals(const RpnOutput& output,
                                          std::span<const ImageSize> sizes,
                                          const RpnConfig& config,
                                          const ProposalOptions& options);

}  // namespace voxlift::trainer
