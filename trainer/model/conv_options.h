#pragma once
// What a 3D convolution is. Space is always (D, H, W).

#include <array>
#include <cstdint>

namespace voxlift::trainer {

using Triple = std::array<int64_t, 3>;

// The same number along depth, height and width.
constexpr Triple cube(int64_t n) {
  return {n, n, n};
}

struct ConvOptions {
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  Triple kernel = cube(1);
  Triple stride = cube(1);
  Triple padding = cube(0);
  Triple dilation = cube(1);
  int64_t groups = 1;
  bool bias = false;
  // The weight is a 2D convolution's, (O, I, k, k): trainer/model/acs_conv.h.
  // Of a cubic kernel in one group.
  bool acs = false;
};

}  // namespace voxlift::trainer
