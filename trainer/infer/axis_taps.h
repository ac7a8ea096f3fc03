#pragma once
// Linear interpolation along the axes of a tensor.

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "trainer/infer/grid_map.h"

namespace voxlift::trainer {

// The taps of one axis, ready for tensors. A value.
class AxisTaps {
 public:
  AxisTaps() = default;
  explicit AxisTaps(const std::vector<AxisTap>& taps);

  // `x` with dimension `dim` interpolated: its length becomes that of the taps.
  // Shares memory with `x` where nothing is to be done.
  torch::Tensor apply(const torch::Tensor& x, int64_t dim) const;

  // Where the taps lie outside of the axis, bool (length).
  const torch::Tensor& outside() const { return outside_; }

 private:
  bool keeps(int64_t length) const;

  torch::Tensor low_;
  torch::Tensor high_;
  torch::Tensor weight_;
  torch::Tensor outside_;
};

// The values of a source grid (D, H, W), float32 on the CPU, on the target grid
// of `map`: trilinear, 0 outside of the source grid. Memory: the result twice.
std::vector<float> resample_volume(const torch::Tensor& x_DHW,
                                   const GridMap& map);

}  // namespace voxlift::trainer
