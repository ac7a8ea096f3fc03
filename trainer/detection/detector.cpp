#include "trainer/detection/detector.h"

#include "base/error.h"

namespace voxlift::trainer {
namespace {

// The coarsest level is for proposals only.
constexpr size_t kRoiLevels = 4;

std::vector<torch::Tensor> boxes_of(const std::vector<TrueBoxes>& truth) {
  std::vector<torch::Tensor> boxes;
  for (const TrueBoxes& one : truth) {
    boxes.push_back(one.boxes_M4);
  }
  return boxes;
}

}  // namespace

DetectorImpl::DetectorImpl(const P3dOptions& backbone,
                           const DetectorConfig& config, int64_t classes)
    : config_(config) {
  config.validate("detector.");
  if (backbone.conversion == "keep3d") {
    throw ConfigError(
        "model.conversion = 'keep3d': a detector needs 2D maps, such as those "
        "of 'groupconv' or 'center_crop'");
  }
  backbone_ = register_module("backbone", P3dBackbone(backbone));
  neck_ =
      register_module("neck", Fpn(backbone_->out_channels(), config.channels));
  rpn_head_ = register_module("rpn_head", RpnHead(config.rpn, config.channels));
  roi_head_ = register_module("roi_head",
                              RoiHead(config.roi, config.channels, classes));
}

std::vector<torch::Tensor> DetectorImpl::pyramid(const torch::Tensor& x_NCDHW) {
  return neck_->forward(backbone_->forward(x_NCDHW));
}

RoiHeadImpl::Outputs DetectorImpl::look_at(
    const std::vector<torch::Tensor>& levels, const torch::Tensor& rois_R5) {
  return roi_head_->forward({levels.begin(), levels.begin() + kRoiLevels},
                            config_.rpn.anchors.strides, rois_R5);
}

DetectorLosses DetectorImpl::losses(const torch::Tensor& x_NCDHW,
                                    const std::vector<TrueBoxes>& truth,
                                    std::span<const ImageSize> sizes) {
  const auto levels = pyramid(x_NCDHW);
  const RpnOutput output = rpn_head_->forward(levels);
  DetectorLosses losses;
  losses.proposals = rpn_loss(output, boxes_of(truth), sizes, config_.rpn);
  const auto proposals =
      make_proposals(output, sizes, config_.rpn, config_.rpn.train);
  const RoiTargets targets =
      sample_rois(proposals, truth, classes(), config_.roi);
  losses.detections =
      roi_loss(look_at(levels, targets.rois_R5), targets, config_.roi);
  return losses;
}

std::vector<Detections> DetectorImpl::detect(const torch::Tensor& x_NCDHW,
                                             std::span<const ImageSize> sizes) {
  const torch::NoGradGuard no_grad;
  const auto levels = pyramid(x_NCDHW);
  const auto proposals = make_proposals(rpn_head_->forward(levels), sizes,
                                        config_.rpn, config_.rpn.eval);
  const auto outputs = look_at(levels, rois_of(proposals));
  std::vector<Detections> found;
  int64_t begin = 0;
  for (size_t i = 0; i < proposals.size(); ++i) {
    const int64_t count = proposals[i].size(0);
    found.push_back(detections_of({outputs.logits_RK.narrow(0, begin, count),
                                   outputs.deltas_R4.narrow(0, begin, count)},
                                  proposals[i], sizes[i], config_.roi));
    begin += count;
  }
  return found;
}

void initialize(DetectorImpl& model, uint64_t seed) {
  initialize(*model.backbone_, seed);
  initialize(*model.neck_, seed);
  initialize(*model.rpn_head_, seed);
  initialize(*model.roi_head_, seed);
}

}  // namespace voxlift::trainer
