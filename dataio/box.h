#pragma once
// Boxes: parts of a volume, and what was found where.

#include <array>
#include <cstdint>

#include "dataio/volume.h"

namespace voxlift::dataio {

// Whole voxels: first ones and counts, per axis. May reach beyond the volume
// where a function says so.
struct VoxelBox {
  Shape3 start{};
  Shape3 size{};

  int64_t num_voxels() const { return size[0] * size[1] * size[2]; }

  bool operator==(const VoxelBox&) const = default;
};

// A lesion or an object: edges in voxels per axis (D, H, W), low included, high
// excluded, so that the length is high - low; voxel i spans i to i + 1. On a
// single slice d the depth is d to d + 1.
struct LabelledBox {
  std::array<double, 3> low{};
  std::array<double, 3> high{};
  int64_t label = 0;  // Position in the data set's box classes.

  bool operator==(const LabelledBox&) const = default;
};

}  // namespace voxlift::dataio
