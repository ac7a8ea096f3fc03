#pragma once
// A part of a picture.

#include <cstdint>

namespace voxlift::dataio {

// A rectangle of whole pixels.
struct CropBox {
  int64_t top = 0;
  int64_t left = 0;
  int64_t height = 0;
  int64_t width = 0;

  bool operator==(const CropBox&) const = default;
};

}  // namespace voxlift::dataio
