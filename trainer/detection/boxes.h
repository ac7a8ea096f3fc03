#pragma once
// Boxes as rows of tensors. boxes_N4: left, top, right, bottom in pixels of the
// sample, right and bottom outside; any floating dtype.

#include <torch/torch.h>

#include <array>
#include <cstdint>

namespace voxlift::trainer {

// How much of a sample is picture, in pixels.
struct ImageSize {
  int64_t height = 0;
  int64_t width = 0;
};

// Intersection over union of every pair, (N, M); 0 where there is none. The
// union counts as at least 1e-6, as published.
torch::Tensor pairwise_iou(const torch::Tensor& boxes_N4,
                           const torch::Tensor& others_M4);

// Intersection over the area of the first of the pair, (N, M).
torch::Tensor pairwise_iobb(const torch::Tensor& boxes_N4,
                            const torch::Tensor& others_M4);

// The parts within the picture.
torch::Tensor clip_boxes(const torch::Tensor& boxes_N4, const ImageSize& size);

// Rows whose width and height are more than 0; false for NaN. bool (N).
torch::Tensor has_area(const torch::Tensor& boxes_N4);

// Boxes against reference boxes: the offset of the centre in lengths of the
// reference, and the logarithm of the ratio of the lengths, each divided by its
// deviation. Order: x, y, width, height.
// Source: Girshick et al., CVPR 2014, DOI 10.1109/CVPR.2014.81, appendix C.
class BoxCoder {
 public:
  // `deviations`: all 1, or what makes the numbers about 1 in size.
  explicit BoxCoder(const std::array<double, 4>& deviations)
      : deviations_(deviations) {}

  torch::Tensor encode(const torch::Tensor& references_N4,
                       const torch::Tensor& boxes_N4) const;

  // Lengths change by a factor of at most 1000 / 16, as published.
  torch::Tensor decode(const torch::Tensor& references_N4,
                       const torch::Tensor& deltas_N4) const;

 private:
  torch::Tensor deviations_like(const torch::Tensor& boxes_N4) const;

  std::array<double, 4> deviations_;
};

}  // namespace voxlift::trainer
