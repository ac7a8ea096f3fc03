#include "trainer/detection/rpn_head.h"

#include <algorithm>

#include "base/error.h"
#include "trainer/detection/box_draws.h"
#include "trainer/detection/box_losses.h"
#include "trainer/detection/nms.h"
#include "trainer/model/init.h"

namespace voxlift::trainer {
namespace {

// Sums over reduced precision would lose the small ones.
torch::Tensor at_least_float32(const torch::Tensor& x) {
  return x.scalar_type() == torch::kFloat64 ? x : x.to(torch::kFloat32);
}

// (N, A * width, H, W) to (N, H * W * A, width).
torch::Tensor by_anchor(const torch::Tensor& map, int64_t width) {
  return at_least_float32(map)
      .permute({0, 2, 3, 1})
      .reshape({map.size(0), -1, width});
}

// One picture's anchors that are learned from: rows of all anchors.
struct Learned {
  torch::Tensor assigned_K;
  torch::Tensor positive;
  torch::Tensor background;
};

Learned learned_anchors(const torch::Tensor& anchors_K4,
                        const torch::Tensor& truth_M4, const ImageSize& size,
                        const RpnConfig& config, int64_t image) {
  const torch::Tensor inside =
      inside_image(anchors_K4, size).nonzero().view(-1);
  const torch::Tensor assigned =
      assign_boxes(anchors_K4.index_select(0, inside), truth_M4, config.assign);
  Learned learned;
  learned.assigned_K =
      torch::full({anchors_K4.size(0)}, kNeither, assigned.options())
          .index_copy(0, inside, assigned);
  if (config.score_loss == "focal") {
    learned.positive = (learned.assigned_K >= 0).nonzero().view(-1);
    learned.background = (learned.assigned_K == kBackground).nonzero().view(-1);
    return learned;
  }
  RandomStream draws = box_draws(BoxStage::kProposals, image);
  const SampledRows rows = sample_rows(assigned, config.sample, draws);
  const auto device = anchors_K4.device();
  learned.positive = inside.index_select(0, rows.positive.to(device));
  learned.background = inside.index_select(0, rows.background.to(device));
  return learned;
}

torch::Tensor score_loss(const torch::Tensor& logits_K, const Learned& learned,
                         const RpnConfig& config) {
  const torch::Tensor logits =
      torch::cat({logits_K.index_select(0, learned.positive),
                  logits_K.index_select(0, learned.background)});
  torch::Tensor targets = torch::zeros_like(logits);
  targets.narrow(0, 0, learned.positive.size(0)).fill_(1.0);
  return config.score_loss == "focal"
             ? focal_loss_sum(logits, targets, config.focal_alpha,
                              config.focal_gamma)
             : binary_cross_entropy_sum(logits, targets);
}

torch::Tensor box_loss(const torch::Tensor& deltas_K4,
                       const torch::Tensor& anchors_K4,
                       const torch::Tensor& truth_M4, const Learned& learned,
                       const RpnConfig& config) {
  const torch::Tensor deltas = deltas_K4.index_select(0, learned.positive);
  if (deltas.size(0) == 0) {
    return deltas.sum();
  }
  const torch::Tensor truth = truth_M4.index_select(
      0, learned.assigned_K.index_select(0, learned.positive));
  const torch::Tensor targets =
      BoxCoder(config.deviations)
          .encode(anchors_K4.index_select(0, learned.positive), truth);
  return smooth_l1_sum(deltas, targets.to(deltas.scalar_type()),
                       config.smooth_l1_beta);
}

int64_t at_least_one(int64_t count) {
  return std::max<int64_t>(count, 1);
}

// What the sums of the losses are divided by.
int64_t divisor(const Learned& learned, const RpnConfig& config) {
  const int64_t positive = at_least_one(learned.positive.size(0));
  return config.score_loss == "focal"
             ? positive
             : positive + at_least_one(learned.background.size(0));
}

// Boxes, scores and level of the best anchors of one picture.
struct Candidates {
  std::vector<torch::Tensor> boxes;
  std::vector<torch::Tensor> scores;
  std::vector<torch::Tensor> levels;
};

Candidates best_of_levels(const RpnOutput& output, int64_t image,
                          const RpnConfig& config,
                          const ProposalOptions& options) {
  Candidates best;
  int64_t begin = 0;
  for (size_t level = 0; level < output.level_sizes.size(); ++level) {
    const int64_t count = output.level_sizes[level];
    const auto sorted =
        output.logits_NK[image]
            .narrow(0, begin, count)
            .sort(
                /*stable=*/true, /*dim=*/0, /*descending=*/true);
    const int64_t kept = std::min(count, options.per_level);
    const torch::Tensor rows = std::get<1>(sorted).narrow(0, 0, kept) + begin;
    best.scores.push_back(std::get<0>(sorted).narrow(0, 0, kept).sigmoid());
    best.boxes.push_back(
        BoxCoder(config.deviations)
            .decode(output.anchors_K4.index_select(0, rows),
                    output.deltas_NK4[image].index_select(0, rows)));
    best.levels.push_back(
        torch::full({kept}, static_cast<int64_t>(level), torch::kInt64));
    begin += count;
  }
  return best;
}

torch::Tensor proposals_of_image(const RpnOutput& output, int64_t image,
                                 const ImageSize& size, const RpnConfig& config,
                                 const ProposalOptions& options) {
  const Candidates best = best_of_levels(output, image, config, options);
  const torch::Tensor all = clip_boxes(torch::cat(best.boxes), size);
  const torch::Tensor rows = has_area(all).nonzero().view(-1);
  const torch::Tensor boxes = all.index_select(0, rows);
  const torch::Tensor kept = nms_in_groups(
      boxes, torch::cat(best.scores).index_select(0, rows),
      torch::cat(best.levels).index_select(0, rows.cpu()), options.max_iou);
  return boxes.index_select(
      0, kept.narrow(0, 0, std::min(kept.size(0), options.per_image)));
}

}  // namespace

RpnHeadImpl::RpnHeadImpl(const RpnConfig& config, int64_t channels)
    : anchors_(config.anchors) {
  const int64_t per_place = anchors_.per_place();
  conv_ =
      register_module("rpn_conv", PlaneConv(plane_conv(channels, channels, 3)));
  scores_ =
      register_module("rpn_cls", PlaneConv(plane_conv(channels, per_place, 1)));
  deltas_ = register_module("rpn_reg",
                            PlaneConv(plane_conv(channels, 4 * per_place, 1)));
}

RpnOutput RpnHeadImpl::forward(const std::vector<torch::Tensor>& levels_NCHW) {
  VOXLIFT_CHECK(levels_NCHW.size() == anchors_.strides.size(),
                "levels of the pyramid and strides of the anchors");
  std::vector<torch::Tensor> logits;
  std::vector<torch::Tensor> deltas;
  std::vector<torch::Tensor> anchors;
  RpnOutput output;
  for (size_t level = 0; level < levels_NCHW.size(); ++level) {
    const torch::Tensor& map = levels_NCHW[level];
    const torch::Tensor x = conv_->forward(map).relu();
    logits.push_back(by_anchor(scores_->forward(x), 1).squeeze(2));
    deltas.push_back(by_anchor(deltas_->forward(x), 4));
    anchors.push_back(level_anchors(anchors_, level, map.size(2), map.size(3)));
    output.level_sizes.push_back(anchors.back().size(0));
  }
  output.logits_NK = torch::cat(logits, 1);
  output.deltas_NK4 = torch::cat(deltas, 1);
  output.anchors_K4 = torch::cat(anchors).to(output.logits_NK.device());
  return output;
}

void initialize(RpnHeadImpl& model, uint64_t seed) {
  fill_vectors(model);
  for (auto& item : model.named_parameters()) {
    if (item.value().dim() > 1) {
      fill_normal(item.value(), item.key(), seed, 0.01);
    }
  }
}

BoxLosses rpn_loss(const RpnOutput& output,
                   const std::vector<torch::Tensor>& truth_M4,
                   std::span<const ImageSize> sizes, const RpnConfig& config) {
  std::vector<torch::Tensor> scores;
  std::vector<torch::Tensor> boxes;
  int64_t divide_by = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const auto image = static_cast<int64_t>(i);
    const Learned learned = learned_anchors(output.anchors_K4, truth_M4[i],
                                            sizes[i], config, image);
    scores.push_back(score_loss(output.logits_NK[image], learned, config));
    boxes.push_back(box_loss(output.deltas_NK4[image], output.anchors_K4,
                             truth_M4[i], learned, config));
    divide_by += divisor(learned, config);
  }
  const auto count = static_cast<double>(divide_by);
  return {torch::stack(scores).sum() / count,
          torch::stack(boxes).sum() / count};
}

std::vector<torch::Tensor> make_proposals(const RpnOutput& output,
                                          std::span<const ImageSize> sizes,
                                          const RpnConfig& config,
                                          const ProposalOptions& options) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> proposals;
  for (size_t i = 0; i < sizes.size(); ++i) {
    proposals.push_back(proposals_of_image(output, static_cast<int64_t>(i),
                                           sizes[i], config, options));
  }
  return proposals;
}

}  // namespace voxlift::trainer
