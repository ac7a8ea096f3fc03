#pragma once
// Bilinear resampling of a part of a picture.

#include <array>
#include <cstdint>
#include <span>

#include "dataio/crop_box.h"
#include "dataio/image.h"

namespace voxlift::dataio {

// What to compute: `source` of the picture, resized to height x width, of which
// `window` is wanted. The window may be the whole.
struct ResizePlan {
  CropBox source;
  int64_t height = 0;
  int64_t width = 0;
  CropBox window;
};

// Where output pixel i of `out_length` lies between two of `in_length` inputs:
// (1 - weight) * input[low] + weight * input[high].
struct Tap {
  int64_t low = 0;
  int64_t high = 0;
  float weight = 0.0F;
};

// Half-pixel centres: x_in = (i + 0.5) * in_length / out_length - 0.5, clamped
// to the edge. No antialiasing. The rule of OpenCV's INTER_LINEAR.
Tap linear_tap(int64_t i, int64_t in_length, int64_t out_length);

// Writes three planes of the window, (3, H, W), values 0 to 255 as float32,
// into `out`. Input plane c (0 red, 1 green, 2 blue) goes to output plane
// plane_of[c]. Reads the picture in place; pixels outside `source` play no
// part. Unlike OpenCV on 8-bit pictures, the result is not rounded to integers.
// Any thread. Cost: four reads per output pixel.
void resize_bilinear(const Image& image, const ResizePlan& plan,
                     const std::array<int, 3>& plane_of, std::span<float> out);

}  // namespace voxlift::dataio
