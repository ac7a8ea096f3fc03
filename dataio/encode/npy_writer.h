#pragma once
// Scans to NumPy's array format.

#include <string>

#include "dataio/volume.h"

namespace voxlift::dataio {

// The header of a version 1 .npy file of float32 voxels (D, H, W) in C order;
// the voxels follow it as they lie in memory (little-endian). Any thread.
[[nodiscard]] std::string npy_header(const Shape3& shape);

}  // namespace voxlift::dataio
