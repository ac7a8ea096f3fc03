#include "trainer/detection/assigner.h"

#include <algorithm>
#include <span>
#include <vector>

#include "trainer/detection/boxes.h"

namespace voxlift::trainer {
namespace {

// `count` of the rows, or all if there are fewer.
torch::Tensor draw_rows(std::vector<int64_t> rows, int64_t count,
                        RandomStream& draws) {
  const auto all = static_cast<int64_t>(rows.size());
  if (all > count) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t other = draws.uniform_int(i, all - 1);
      std::swap(rows[static_cast<size_t>(i)], rows[static_cast<size_t>(other)]);
    }
    rows.resize(static_cast<size_t>(count));
    std::sort(rows.begin(), rows.end());
  }
  return torch::tensor(rows, torch::kInt64);
}

void match_low_quality(const torch::Tensor& iou_NM, double least,
                       torch::Tensor& assigned_N) {
  const torch::Tensor best_M = std::get<0>(iou_NM.max(0));
  for (int64_t i = 0; i < best_M.size(0); ++i) {
    if (best_M[i].item<double>() >= least) {
      assigned_N.masked_fill_(iou_NM.select(1, i) == best_M[i], i);
    }
  }
}

}  // namespace

torch::Tensor assign_boxes(const torch::Tensor& boxes_N4,
                           const torch::Tensor& truth_M4,
                           const AssignOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto as_rows = boxes_N4.options().dtype(torch::kInt64);
  if (truth_M4.size(0) == 0 || boxes_N4.size(0) == 0) {
    return torch::full({boxes_N4.size(0)}, kBackground, as_rows);
  }
  const torch::Tensor iou_NM = pairwise_iou(boxes_N4, truth_M4);
  const auto [best_N, which_N] = iou_NM.max(1);
  torch::Tensor assigned = torch::full({boxes_N4.size(0)}, kNeither, as_rows);
  assigned.masked_fill_(best_N < options.negative_iou, kBackground);
  assigned = torch::where(best_N >= options.positive_iou, which_N, assigned);
  if (options.low_quality_iou > 0.0) {
    match_low_quality(iou_NM, options.low_quality_iou, assigned);
  }
  return assigned;
}

SampledRows sample_rows(const torch::Tensor& assigned_N,
                        const SampleOptions& options, RandomStream& draws) {
  const torch::Tensor assigned = assigned_N.to(torch::kCPU).contiguous();
  const std::span<const int64_t> values(assigned.data_ptr<int64_t>(),
                                        static_cast<size_t>(assigned.numel()));
  std::vector<int64_t> positive;
  std::vector<int64_t> background;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] >= 0) {
      positive.push_back(static_cast<int64_t>(i));
    } else if (values[i] == kBackground) {
      background.push_back(static_cast<int64_t>(i));
    }
  }
  SampledRows sampled;
  const auto most = static_cast<int64_t>(static_cast<double>(options.count) *
                                         options.positive_frac);
  sampled.positive = draw_rows(std::move(positive), most, draws);
  sampled.background = draw_rows(
      std::move(background), options.count - sampled.positive.size(0), draws);
  return sampled;
}

}  // namespace voxlift::trainer
