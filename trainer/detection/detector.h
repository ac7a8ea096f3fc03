#pragma once
// The detector of MP3D-FPN: slices in, boxes of the middle slice out.
//
// Source: Zhang et al., MICCAI 2020, arXiv 2012.08770 (trainer/model/p3d.h).

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/detection/detector_config.h"
#include "trainer/detection/roi_head.h"
#include "trainer/detection/rpn_head.h"
#include "trainer/model/fpn.h"
#include "trainer/model/p3d.h"

namespace voxlift::trainer {

// Losses of a batch, each a mean.
struct DetectorLosses {
  BoxLosses proposals;
  BoxLosses detections;
};

// Names: `backbone.*`, `neck.*`, `rpn_head.*`, `roi_head.bbox_head.*`.
class DetectorImpl : public torch::nn::Module {
 public:
  // `classes` without the background.
  DetectorImpl(const P3dOptions& backbone, const DetectorConfig& config,
               int64_t classes);

  // x (N, C, D, H, W), H and W multiples of 32. `truth` and `sizes`, one per
  // sample, are in pixels of it. Draws as rpn_loss().
  DetectorLosses losses(const torch::Tensor& x_NCDHW,
                        const std::vector<TrueBoxes>& truth,
                        std::span<const ImageSize> sizes);

  // What is in each sample. No gradient.
  std::vector<Detections> detect(const torch::Tensor& x_NCDHW,
                                 std::span<const ImageSize> sizes);

  // Levels of the pyramid, strides 4 to 64: (N, channels, H / s, W / s).
  std::vector<torch::Tensor> pyramid(const torch::Tensor& x_NCDHW);

  int64_t classes() const { return roi_head_->classes(); }

 private:
  friend void initialize(DetectorImpl& model, uint64_t seed);

  RoiHeadImpl::Outputs look_at(const std::vector<torch::Tensor>& levels,
                               const torch::Tensor& rois_R5);

  DetectorConfig config_;
  P3dBackbone backbone_{nullptr};
  Fpn neck_{nullptr};
  RpnHead rpn_head_{nullptr};
  RoiHead roi_head_{nullptr};
};

TORCH_MODULE(Detector);

// Fills every parameter from `seed`, each part as its own header says.
void initialize(DetectorImpl& model, uint64_t seed);

}  // namespace voxlift::trainer
