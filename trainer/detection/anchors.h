#pragma once
// Reference boxes over the levels of a feature pyramid.

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "trainer/detection/boxes.h"

namespace voxlift::trainer {

// Those of the published detector (mmdet 2.x): centred on the multiples of a
// level's stride, without an offset of half a pixel, and not rounded.
struct AnchorOptions {
  double scale = 4.0;  // Side of a square anchor in strides.
  std::vector<double> ratios = {0.5, 1.0, 2.0};  // Height over width.
  std::vector<int64_t> strides = {4, 8, 16, 32, 64};

  int64_t per_place() const { return static_cast<int64_t>(ratios.size()); }
};

// Anchors of one level whose map has height x width places: (height * width *
// ratios, 4), the ratio changing fastest, then the column. float32 on the CPU.
torch::Tensor level_anchors(const AnchorOptions& options, size_t level,
                            int64_t height, int64_t width);

// Rows that lie wholly within the picture. bool (N).
torch::Tensor inside_image(const torch::Tensor& anchors_N4,
                           const ImageSize& size);

}  // namespace voxlift::trainer
