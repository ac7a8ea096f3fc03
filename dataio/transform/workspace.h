#pragma once
// Memory that a worker keeps from sample to sample.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataio/transform/plane_resize.h"

namespace voxlift::dataio {

// Buffers that grow to what the largest sample needs and are then reused. Their
// content means nothing between calls. One thread.
struct Workspace {
  std::vector<std::byte> encoded;  // A sample as stored.
  std::vector<std::byte> cut;      // A part of it; see jpeg_cut.h.
  std::vector<uint8_t> bytes;
  std::vector<float> floats;
  PlaneResizer resizer;
};

}  // namespace voxlift::dataio
