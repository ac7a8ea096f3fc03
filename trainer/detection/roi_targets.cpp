// What the second stage learns from, and what it tells.

#include <algorithm>

#include "trainer/detection/box_draws.h"
#include "trainer/detection/box_losses.h"
#include "trainer/detection/nms.h"
#include "trainer/detection/roi_head.h"

namespace voxlift::trainer {
namespace {

struct ImageTargets {
  torch::Tensor boxes_N4;
  torch::Tensor labels_N;
  torch::Tensor deltas_P4;
};

ImageTargets targets_of_image(const torch::Tensor& proposals_P4,
                              const TrueBoxes& truth, int64_t classes,
                              const RoiConfig& config, int64_t image) {
  const torch::Tensor boxes = torch::cat({truth.boxes_M4, proposals_P4});
  const torch::Tensor assigned =
      assign_boxes(boxes, truth.boxes_M4, config.assign);
  RandomStream draws = box_draws(BoxStage::kDetections, image);
  const SampledRows rows = sample_rows(assigned, config.sample, draws);
  const torch::Tensor positive = rows.positive.to(boxes.device());
  const torch::Tensor background = rows.background.to(boxes.device());
  const torch::Tensor which = assigned.index_select(0, positive);
  const torch::Tensor found = boxes.index_select(0, positive);
  ImageTargets targets;
  targets.boxes_N4 = torch::cat({found, boxes.index_select(0, background)});
  targets.labels_N = torch::cat({truth.labels_M.index_select(0, which),
                                 torch::full_like(background, classes)});
  targets.deltas_P4 = BoxCoder(config.deviations)
                          .encode(found, truth.boxes_M4.index_select(0, which));
  return targets;
}

// The four columns of each row that belong to its class: (P, 4).
torch::Tensor columns_of_class(const torch::Tensor& deltas_P,
                               const torch::Tensor& labels_P) {
  return deltas_P.view({deltas_P.size(0), deltas_P.size(1) / 4, 4})
      .gather(1, labels_P.view({-1, 1, 1}).expand({-1, 1, 4}))
      .squeeze(1);
}

// Boxes, scores and labels of one picture before they suppress each other.
struct Candidates {
  torch::Tensor boxes_N4;
  torch::Tensor scores_N;
  torch::Tensor labels_N;
};

// Every box with every class, but those below the least score.
Candidates candidates_of(const RoiHeadImpl::Outputs& outputs,
                         const torch::Tensor& proposals_P4,
                         const ImageSize& size, const RoiConfig& config) {
  const int64_t count = proposals_P4.size(0);
  const int64_t classes = outputs.logits_RK.size(1) - 1;
  const torch::Tensor scores =
      outputs.logits_RK.softmax(1).narrow(1, 0, classes).reshape(-1);
  const torch::Tensor references =
      proposals_P4.unsqueeze(1).expand({-1, classes, -1}).reshape({-1, 4});
  const torch::Tensor boxes =
      clip_boxes(BoxCoder(config.deviations)
                     .decode(references, outputs.deltas_R4.reshape({-1, 4})),
                 size);
  const torch::Tensor labels =
      torch::arange(classes, torch::kInt64).repeat({count});
  const torch::Tensor rows =
      (scores > config.min_score).nonzero().view(-1).cpu();
  return {boxes.cpu().index_select(0, rows), scores.cpu().index_select(0, rows),
          labels.index_select(0, rows)};
}

}  // namespace

RoiTargets sample_rois(const std::vector<torch::Tensor>& proposals_P4,
                       const std::vector<TrueBoxes>& truth, int64_t classes,
                       const RoiConfig& config) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> boxes;
  std::vector<torch::Tensor> labels;
  std::vector<torch::Tensor> deltas;
  for (size_t i = 0; i < truth.size(); ++i) {
    ImageTargets image = targets_of_image(proposals_P4[i], truth[i], classes,
                                          config, static_cast<int64_t>(i));
    boxes.push_back(std::move(image.boxes_N4));
    labels.push_back(std::move(image.labels_N));
    deltas.push_back(std::move(image.deltas_P4));
  }
  return {rois_of(boxes), torch::cat(labels), torch::cat(deltas)};
}

BoxLosses roi_loss(const RoiHeadImpl::Outputs& outputs,
                   const RoiTargets& targets, const RoiConfig& config) {
  const int64_t background = outputs.logits_RK.size(1) - 1;
  const auto rows =
      static_cast<double>(std::max<int64_t>(targets.labels_R.size(0), 1));
  const torch::Tensor scores = torch::nn::functional::cross_entropy(
      outputs.logits_RK, targets.labels_R,
      torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum));
  const torch::Tensor positive =
      (targets.labels_R != background).nonzero().view(-1);
  const torch::Tensor deltas =
      columns_of_class(outputs.deltas_R4.index_select(0, positive),
                       targets.labels_R.index_select(0, positive));
  const torch::Tensor boxes =
      smooth_l1_sum(deltas, targets.deltas_P4.to(deltas.scalar_type()),
                    config.smooth_l1_beta);
  return {scores / rows, boxes / rows};
}

Detections detections_of(const RoiHeadImpl::Outputs& outputs,
                         const torch::Tensor& proposals_P4,
                         const ImageSize& size, const RoiConfig& config) {
  const torch::NoGradGuard no_grad;
  const Candidates all = candidates_of(outputs, proposals_P4, size, config);
  const torch::Tensor kept =
      nms_in_groups(all.boxes_N4, all.scores_N, all.labels_N, config.max_iou);
  const torch::Tensor rows =
      kept.narrow(0, 0, std::min(kept.size(0), config.max_per_image));
  return {all.boxes_N4.index_select(0, rows),
          all.scores_N.index_select(0, rows),
          all.labels_N.index_select(0, rows)};
}

}  // namespace voxlift::trainer
