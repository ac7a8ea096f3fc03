#include "trainer/detection/boxes.h"

#include <cmath>

namespace voxlift::trainer {
namespace {

constexpr double kLeastUnion = 1e-6;

torch::Tensor corner(const torch::Tensor& boxes_N4, int64_t first) {
  return boxes_N4.narrow(1, first, 2);
}

torch::Tensor areas(const torch::Tensor& boxes_N4) {
  return (corner(boxes_N4, 2) - corner(boxes_N4, 0)).prod(1);
}

torch::Tensor intersections(const torch::Tensor& boxes_N4,
                            const torch::Tensor& others_M4) {
  const torch::Tensor low =
      torch::max(corner(boxes_N4, 0).unsqueeze(1), corner(others_M4, 0));
  const torch::Tensor high =
      torch::min(corner(boxes_N4, 2).unsqueeze(1), corner(others_M4, 2));
  return (high - low).clamp_min(0.0).prod(2);
}

// Centre x and y, width and height.
struct CentreForm {
  torch::Tensor centre_N2;
  torch::Tensor lengths_N2;
};

CentreForm centre_form(const torch::Tensor& boxes_N4) {
  const torch::Tensor lengths = corner(boxes_N4, 2) - corner(boxes_N4, 0);
  return {corner(boxes_N4, 0) + 0.5 * lengths, lengths};
}

}  // namespace

torch::Tensor pairwise_iou(const torch::Tensor& boxes_N4,
                           const torch::Tensor& others_M4) {
  const torch::Tensor common = intersections(boxes_N4, others_M4);
  const torch::Tensor either =
      areas(boxes_N4).unsqueeze(1) + areas(others_M4) - common;
  return common / either.clamp_min(kLeastUnion);
}

torch::Tensor pairwise_iobb(const torch::Tensor& boxes_N4,
                            const torch::Tensor& others_M4) {
  return intersections(boxes_N4, others_M4) /
         areas(boxes_N4).unsqueeze(1).clamp_min(kLeastUnion);
}

torch::Tensor clip_boxes(const torch::Tensor& boxes_N4, const ImageSize& size) {
  const auto width = static_cast<double>(size.width);
  const auto height = static_cast<double>(size.height);
  const auto columns = boxes_N4.unbind(1);
  return torch::stack(
      {columns[0].clamp(0.0, width), columns[1].clamp(0.0, height),
       columns[2].clamp(0.0, width), columns[3].clamp(0.0, height)},
      1);
}

torch::Tensor has_area(const torch::Tensor& boxes_N4) {
  return (corner(boxes_N4, 2) > corner(boxes_N4, 0)).all(1);
}

torch::Tensor BoxCoder::deviations_like(const torch::Tensor& boxes_N4) const {
  return torch::tensor(
             std::vector<double>(deviations_.begin(), deviations_.end()))
      .to(boxes_N4.options());
}

torch::Tensor BoxCoder::encode(const torch::Tensor& references_N4,
                               const torch::Tensor& boxes_N4) const {
  const CentreForm from = centre_form(references_N4);
  const CentreForm to = centre_form(boxes_N4);
  const torch::Tensor deltas =
      torch::cat({(to.centre_N2 - from.centre_N2) / from.lengths_N2,
                  (to.lengths_N2 / from.lengths_N2).log()},
                 1);
  return deltas / deviations_like(boxes_N4);
}

torch::Tensor BoxCoder::decode(const torch::Tensor& references_N4,
                               const torch::Tensor& deltas_N4) const {
  const double most = std::abs(std::log(16.0 / 1000.0));
  const CentreForm from = centre_form(references_N4);
  const torch::Tensor deltas = deltas_N4 * deviations_like(deltas_N4);
  const torch::Tensor centre =
      from.centre_N2 + corner(deltas, 0) * from.lengths_N2;
  const torch::Tensor half =
      0.5 * from.lengths_N2 * corner(deltas, 2).clamp(-most, most).exp();
  return torch::cat({centre - half, centre + half}, 1);
}

}  // namespace voxlift::trainer
