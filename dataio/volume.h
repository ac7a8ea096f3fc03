#pragma once
// A decoded scan.

#include <array>
#include <cstdint>
#include <vector>

namespace voxlift::dataio {

// Depth, height, width: always in this order.
using Shape3 = std::array<int64_t, 3>;

// One-channel voxels as float32, W fastest; owns them. The value of a voxel is
// what the file means (its scale and offset applied). spacing_mm is in (D, H,
// W) order.
struct Volume {
  Shape3 shape{};
  std::array<double, 3> spacing_mm{1.0, 1.0, 1.0};
  std::vector<float> voxels;

  int64_t num_voxels() const { return shape[0] * shape[1] * shape[2]; }

  float at(int64_t d, int64_t h, int64_t w) const {
    return voxels[static_cast<size_t>((d * shape[1] + h) * shape[2] + w)];
  }
};

}  // namespace voxlift::dataio
