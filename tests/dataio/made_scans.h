#pragma once
// Scans whose voxels say where they are.

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>

#include "dataio/scan.h"

namespace voxlift::dataio::test {

// Voxels 0, 1, 2, ... in storage order, no mask.
inline Scan counting_scan(const Shape3& shape) {
  Scan scan;
  scan.image.shape = shape;
  scan.image.voxels.resize(static_cast<size_t>(scan.image.num_voxels()));
  std::iota(scan.image.voxels.begin(), scan.image.voxels.end(), 0.0F);
  return scan;
}

// The point in the patient, mm, of a place in voxels.
inline std::array<double, 3> world_of(const Affine& affine,
                                      const std::array<double, 3>& voxel) {
  std::array<double, 3> point{};
  for (size_t r = 0; r < 3; ++r) {
    point[r] = affine[r][3];
    for (size_t i = 0; i < 3; ++i) {
      point[r] += affine[r][i] * voxel[i];
    }
  }
  return point;
}

// Calls visit(voxel number, place) for every voxel in storage order.
template <typename Visit>
void for_each_voxel(const Shape3& shape, const Visit& visit) {
  size_t i = 0;
  for (int64_t d = 0; d < shape[0]; ++d) {
    for (int64_t h = 0; h < shape[1]; ++h) {
      for (int64_t w = 0; w < shape[2]; ++w) {
        visit(i++, Shape3{d, h, w});
      }
    }
  }
}

// 1 inside of `box`, whose edges are whole numbers; else 0.
inline std::vector<uint8_t> mask_of_box(const Shape3& shape,
                                        const LabelledBox& box) {
  std::vector<uint8_t> mask(
      static_cast<size_t>(shape[0] * shape[1] * shape[2]));
  for_each_voxel(shape, [&](size_t i, const Shape3& at) {
    bool inside = true;
    for (size_t k = 0; k < 3; ++k) {
      const double centre = static_cast<double>(at[k]) + 0.5;
      inside = inside && centre > box.low[k] && centre < box.high[k];
    }
    mask[i] = inside ? 1 : 0;
  });
  return mask;
}

// The smallest box of all mask voxels above 0; low > high if there is none.
inline LabelledBox box_of_mask(std::span<const uint8_t> mask,
                               const Shape3& shape) {
  LabelledBox box{{1e9, 1e9, 1e9}, {0, 0, 0}, 0};
  for_each_voxel(shape, [&](size_t i, const Shape3& at) {
    for (size_t k = 0; mask[i] > 0 && k < 3; ++k) {
      const auto first = static_cast<double>(at[k]);
      box.low[k] = std::min(box.low[k], first);
      box.high[k] = std::max(box.high[k], first + 1.0);
    }
  });
  return box;
}

}  // namespace voxlift::dataio::test
