#include "trainer/detection/roi_head.h"

#include <cmath>

#include "trainer/detection/roi_align.h"
#include "trainer/model/dense.h"
#include "trainer/model/init.h"

namespace voxlift::trainer {
namespace {

torch::Tensor at_least_float32(const torch::Tensor& x) {
  return x.scalar_type() == torch::kFloat64 ? x : x.to(torch::kFloat32);
}

}  // namespace

RoiHeadImpl::RoiHeadImpl(const RoiConfig& config, int64_t channels,
                         int64_t classes)
    : config_(config), classes_(classes) {
  using torch::nn::Linear;
  const int64_t inputs = channels * config.align_size * config.align_size;
  first_ = Linear(inputs, config.fc_channels);
  second_ = Linear(config.fc_channels, config.fc_channels);
  auto box_head = std::make_shared<torch::nn::Module>();
  scores_ = box_head->register_module("fc_cls",
                                      Linear(config.fc_channels, classes + 1));
  deltas_ = box_head->register_module("fc_reg",
                                      Linear(config.fc_channels, 4 * classes));
  box_head->register_module("shared_fcs",
                            torch::nn::ModuleList(first_, second_));
  register_module("bbox_head", box_head);
}

RoiHeadImpl::Outputs RoiHeadImpl::forward(
    const std::vector<torch::Tensor>& levels_NCHW,
    const std::vector<int64_t>& strides, const torch::Tensor& rois_R5) {
  const torch::Tensor maps =
      align_on_levels(levels_NCHW, strides, rois_R5, config_);
  const torch::Tensor x =
      dense(second_, dense(first_, maps.flatten(1)).relu()).relu();
  return {at_least_float32(dense(scores_, x)),
          at_least_float32(dense(deltas_, x))};
}

void initialize(RoiHeadImpl& model, uint64_t seed) {
  fill_vectors(model);
  for (auto& item : model.named_parameters()) {
    const std::string& name = item.key();
    const torch::Tensor& weight = item.value();
    if (weight.dim() == 1) {
      continue;
    }
    if (name.find("shared_fcs") != std::string::npos) {
      fill_uniform(weight, name, seed,
                   std::sqrt(6.0 / (fan_in(weight) + fan_out(weight))));
    } else {
      const bool scores = name.find("fc_cls") != std::string::npos;
      fill_normal(weight, name, seed, scores ? 0.01 : 0.001);
    }
  }
}

torch::Tensor levels_of_boxes(const torch::Tensor& boxes_N4, double finest_side,
                              int64_t num_levels) {
  constexpr double kTiny = 1e-6;  // As published: rounds up what is just short.
  const torch::Tensor side =
      (boxes_N4.narrow(1, 2, 2) - boxes_N4.narrow(1, 0, 2))
          .to(torch::kFloat32)
          .clamp_min(0.0)
          .prod(1)
          .sqrt();
  return (side / finest_side + kTiny)
      .log2()
      .floor()
      .clamp(0.0, static_cast<double>(num_levels - 1))
      .to(torch::kInt64);
}

torch::Tensor align_on_levels(const std::vector<torch::Tensor>& levels_NCHW,
                              const std::vector<int64_t>& strides,
                              const torch::Tensor& rois_R5,
                              const RoiConfig& config) {
  const auto count = static_cast<int64_t>(levels_NCHW.size());
  const torch::Tensor level_R =
      levels_of_boxes(rois_R5.narrow(1, 1, 4), config.finest_side, count);
  std::vector<torch::Tensor> maps;
  std::vector<torch::Tensor> rows;
  for (int64_t level = 0; level < count; ++level) {
    const auto i = static_cast<size_t>(level);
    rows.push_back((level_R == level).nonzero().view(-1));
    maps.push_back(roi_align(at_least_float32(levels_NCHW[i]),
                             rois_R5.index_select(0, rows.back()),
                             {.size = config.align_size,
                              .scale = 1.0 / static_cast<double>(strides[i]),
                              .samples = config.align_samples}));
  }
  return torch::cat(maps).index_select(0, torch::cat(rows).argsort());
}

torch::Tensor rois_of(const std::vector<torch::Tensor>& boxes_N4) {
  std::vector<torch::Tensor> rois;
  for (size_t i = 0; i < boxes_N4.size(); ++i) {
    const torch::Tensor& boxes = boxes_N4[i];
    rois.push_back(
        torch::cat({torch::full({boxes.size(0), 1}, static_cast<double>(i),
                                boxes.options()),
                    boxes},
                   1));
  }
  return torch::cat(rois);
}

}  // namespace voxlift::trainer
