#include "trainer/detection/nms.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>
#include <vector>

namespace voxlift::trainer {
namespace {

struct Edges {
  float x1 = 0.0F;
  float y1 = 0.0F;
  float x2 = 0.0F;
  float y2 = 0.0F;

  float area() const { return (x2 - x1) * (y2 - y1); }
};

bool overlaps(const Edges& a, const Edges& b, double max_iou) {
  const float width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const float height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  const float common = std::max(width, 0.0F) * std::max(height, 0.0F);
  const float iou = common / (a.area() + b.area() - common);
  return static_cast<double>(iou) > max_iou;
}

// Rows with a score, best first.
std::vector<int64_t> by_score(const torch::Tensor& scores_N) {
  const auto* scores = scores_N.data_ptr<float>();
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < scores_N.numel(); ++i) {
    if (!std::isnan(scores[i])) {
      rows.push_back(i);
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [scores](int64_t a, int64_t b) {
    return scores[a] > scores[b];
  });
  return rows;
}

torch::Tensor on_host(const torch::Tensor& values) {
  return values.detach().to(torch::kCPU, torch::kFloat32).contiguous();
}

}  // namespace

torch::Tensor nms_in_groups(const torch::Tensor& boxes_N4,
                            const torch::Tensor& scores_N,
                            const torch::Tensor& groups_N, double max_iou) {
  const torch::Tensor boxes = on_host(boxes_N4);
  const torch::Tensor groups =
      groups_N.to(torch::kCPU, torch::kInt64).contiguous();
  const auto* numbers = boxes.data_ptr<float>();
  const auto* group_of = groups.data_ptr<int64_t>();
  std::unordered_map<int64_t, std::vector<Edges>> kept_in;
  std::vector<int64_t> kept;
  for (const int64_t row : by_score(on_host(scores_N))) {
    const float* at = numbers + 4 * row;
    const Edges box = {at[0], at[1], at[2], at[3]};
    std::vector<Edges>& better = kept_in[group_of[row]];
    if (std::none_of(better.begin(), better.end(), [&](const Edges& other) {
          return overlaps(other, box, max_iou);
        })) {
      better.push_back(box);
      kept.push_back(row);
    }
  }
  return torch::tensor(kept, torch::kInt64).to(boxes_N4.device());
}

torch::Tensor nms(const torch::Tensor& boxes_N4, const torch::Tensor& scores_N,
                  double max_iou) {
  return nms_in_groups(boxes_N4, scores_N,
                       torch::zeros({boxes_N4.size(0)}, torch::kInt64),
                       max_iou);
}

}  // namespace voxlift::trainer
