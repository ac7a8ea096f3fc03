#pragma once
// Which pixels of a photograph a resize looks at, and at which scale a JPEG
// decoder should give them.

#include <cstdint>

#include "dataio/decode/jpeg_region.h"
#include "dataio/transform/resize.h"

namespace voxlift::dataio {

// One axis of a bilinear resize: output i lies at at(i) among the inputs,
// between input floor(at(i)) and the next one. No antialiasing.
struct SampleAxis {
  double first = 0.0;   // Where output 0 lies before clamping.
  double step = 1.0;    // Inputs per output.
  int64_t lowest = 0;   // The first input that may be looked at.
  int64_t highest = 0;  // The last one.
  int64_t count = 0;    // Outputs.

  double at(int64_t i) const;

  // The first and the last input that is looked at.
  int64_t begin() const { return static_cast<int64_t>(at(0)); }

  int64_t last() const;

  bool operator==(const SampleAxis&) const = default;
};

// A resize of a JPEG: the region to decode, and where its samples lie in the
// scaled picture.
struct PhotoRegion {
  JpegRegion region;
  SampleAxis rows;
  SampleAxis columns;
};

// The scale is the smallest of 1/8, 2/8, 4/8 and 8/8 at which `plan.source` is
// still at least as high and as wide as what it is resized to: pixels are never
// enlarged that the file has more of, and a shrink by bilinear taps is by less
// than 2. (3/8, 5/8, 6/8 and 7/8 take longer than 8/8: libjpeg-turbo has vector
// code for the powers of two only.)
PhotoRegion plan_photo_region(const ResizePlan& plan);

}  // namespace voxlift::dataio
