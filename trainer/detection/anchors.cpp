#include "trainer/detection/anchors.h"

#include <cmath>

namespace voxlift::trainer {
namespace {

// Around the origin: (ratios, 4).
torch::Tensor base_anchors(const AnchorOptions& options, double stride) {
  std::vector<torch::Tensor> rows;
  for (const double ratio : options.ratios) {
    const double half_width = 0.5 * options.scale * stride / std::sqrt(ratio);
    const double half_height = 0.5 * options.scale * stride * std::sqrt(ratio);
    rows.push_back(torch::tensor(std::vector<float>{
        static_cast<float>(-half_width), static_cast<float>(-half_height),
        static_cast<float>(half_width), static_cast<float>(half_height)}));
  }
  return torch::stack(rows);
}

}  // namespace

torch::Tensor level_anchors(const AnchorOptions& options, size_t level,
                            int64_t height, int64_t width) {
  const auto stride = static_cast<double>(options.strides.at(level));
  const torch::Tensor x = torch::arange(width, torch::kFloat32) * stride;
  const torch::Tensor y = torch::arange(height, torch::kFloat32) * stride;
  const torch::Tensor x_HW = x.unsqueeze(0).expand({height, width});
  const torch::Tensor y_HW = y.unsqueeze(1).expand({height, width});
  const torch::Tensor shift_HW4 = torch::stack({x_HW, y_HW, x_HW, y_HW}, 2);
  return (shift_HW4.unsqueeze(2) + base_anchors(options, stride)).view({-1, 4});
}

// Right and bottom edges are the next pixel's, and published as outside.
torch::Tensor inside_image(const torch::Tensor& anchors_N4,
                           const ImageSize& size) {
  const auto columns = anchors_N4.unbind(1);
  return (columns[0] >= 0.0) & (columns[1] >= 0.0) &
         (columns[2] < static_cast<double>(size.width)) &
         (columns[3] < static_cast<double>(size.height));
}

}  // namespace voxlift::trainer
