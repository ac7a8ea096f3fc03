#pragma once
// Second stage: the class and the exact place of proposed boxes.
//
// Source: Girshick, ICCV 2015, DOI 10.1109/ICCV.2015.169; over a pyramid: Lin
// et al., CVPR 2017, DOI 10.1109/CVPR.2017.106. Names are those of published
// files (mmdet 2.x).

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/detection/boxes.h"
#include "trainer/detection/detector_config.h"
#include "trainer/detection/rpn_head.h"

namespace voxlift::trainer {

// What was found in one picture, best first.
struct Detections {
  torch::Tensor boxes_N4;  // On the CPU, as all three.
  torch::Tensor scores_N;
  torch::Tensor labels_N;  // int64.
};

// What is there in one picture.
struct TrueBoxes {
  torch::Tensor boxes_M4;
  torch::Tensor labels_M;  // int64, from 0 to classes - 1.
};

// Two fully connected layers over the map of a box, then a score for each class
// and for the background, which is the last, and offsets for each class. Names:
// `bbox_head.shared_fcs.{0,1}`, `bbox_head.fc_cls`, `bbox_head.fc_reg`.
class RoiHeadImpl : public torch::nn::Module {
 public:
  struct Outputs {
    torch::Tensor logits_RK;  // K = classes + 1.
    torch::Tensor deltas_R4;  // classes * 4 columns.
  };

  RoiHeadImpl(const RoiConfig& config, int64_t channels, int64_t classes);

  // `levels_NCHW`: those of the anchors' first strides; rois_R5 as roi_align()
  // takes them.
  Outputs forward(const std::vector<torch::Tensor>& levels_NCHW,
                  const std::vector<int64_t>& strides,
                  const torch::Tensor& rois_R5);

  int64_t classes() const { return classes_; }

 private:
  RoiConfig config_;
  int64_t classes_;
  torch::nn::Linear first_{nullptr};
  torch::nn::Linear second_{nullptr};
  torch::nn::Linear scores_{nullptr};
  torch::nn::Linear deltas_{nullptr};
};

TORCH_MODULE(RoiHead);

// Shared layers uniform in +-sqrt(6 / (fan in + fan out)), scores N(0, 0.01^2),
// offsets N(0, 0.001^2), biases 0.
void initialize(RoiHeadImpl& model, uint64_t seed);

// Level of the pyramid that each box (N, 4) is looked up in, int64 (N): the
// finest up to 2 * finest_side, the next up to 4 times that, ...
torch::Tensor levels_of_boxes(const torch::Tensor& boxes_N4, double finest_side,
                              int64_t num_levels);

// Maps of the boxes from the level that each belongs to: (R, C, size, size).
torch::Tensor align_on_levels(const std::vector<torch::Tensor>& levels_NCHW,
                              const std::vector<int64_t>& strides,
                              const torch::Tensor& rois_R5,
                              const RoiConfig& config);

// Boxes of several pictures as rois (R, 5).
torch::Tensor rois_of(const std::vector<torch::Tensor>& boxes_N4);

// Boxes of each picture that are learned from, and what they stand for.
struct RoiTargets {
  torch::Tensor rois_R5;
  torch::Tensor labels_R;   // int64; the number of classes: background.
  torch::Tensor deltas_P4;  // Of the rows with a class, in their order.
};

// The true boxes are proposals, too. Draws as rpn_loss().
RoiTargets sample_rois(const std::vector<torch::Tensor>& proposals_P4,
                       const std::vector<TrueBoxes>& truth, int64_t classes,
                       const RoiConfig& config);

// Cross entropy of the classes, and smooth L1 of the offsets of the true class:
// sums divided by the number of all rows.
BoxLosses roi_loss(const RoiHeadImpl::Outputs& outputs,
                   const RoiTargets& targets, const RoiConfig& config);

// What the outputs for `proposals_P4` of one picture say.
Detections detections_of(const RoiHeadImpl::Outputs& outputs,
                         const torch::Tensor& proposals_P4,
                         const ImageSize& size, const RoiConfig& config);

}  // namespace voxlift::trainer
