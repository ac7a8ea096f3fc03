#pragma once
// A decoded photograph.

#include <cstdint>
#include <vector>

namespace voxlift::dataio {

// Eight-bit RGB, row by row, three interleaved bytes a pixel; owns its pixels.
// Shape (H, W, 3).
struct Image {
  int64_t height = 0;
  int64_t width = 0;
  std::vector<uint8_t> rgb;

  const uint8_t* pixel(int64_t y, int64_t x) const {
    return rgb.data() + 3 * (y * width + x);
  }

  uint8_t* pixel(int64_t y, int64_t x) {
    return rgb.data() + 3 * (y * width + x);
  }
};

}  // namespace voxlift::dataio
