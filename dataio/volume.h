#pragma once
// A decoded scan.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace voxlift::dataio {

// Depth, height, width: always in this order.
using Shape3 = std::array<int64_t, 3>;

// Where voxels lie in the patient: rows r of world[r] = a[r][0] * d + a[r][1] *
// h + a[r][2] * w + a[r][3], in mm. The world is that of NIfTI ("RAS+"): its
// axes point to the patient's right, front and head.
using Affine = std::array<std::array<double, 4>, 3>;

// Depth to the head, height to the front, width to the right, 1 mm a voxel.
inline constexpr Affine kIdentityAffine = {
    {{0, 0, 1, 0}, {0, 1, 0, 0}, {1, 0, 0, 0}}};

// One-channel voxels as float32, W fastest; owns them. The value of a voxel is
// what the file means (its scale and offset applied). spacing_mm is in (D, H,
// W) order, and is what the file says: for NIfTI pixdim, which may differ from
// the lengths of the affine's columns.
struct Volume {
  Shape3 shape{};
  std::array<double, 3> spacing_mm{1.0, 1.0, 1.0};
  Affine affine = kIdentityAffine;
  std::vector<float> voxels;

  int64_t num_voxels() const { return shape[0] * shape[1] * shape[2]; }

  float at(int64_t d, int64_t h, int64_t w) const {
    return voxels[static_cast<size_t>((d * shape[1] + h) * shape[2] + w)];
  }
};

}  // namespace voxlift::dataio
