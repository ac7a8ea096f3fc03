#pragma once
// What a transform makes: its shape, and where it is written.

#include <cstdint>
#include <span>
#include <vector>

#include "dataio/box.h"

namespace voxlift::dataio {

// Shape of one sample without the batch: channels, depth, height, width.
struct SampleShape {
  int64_t channels = 1;
  int64_t depth = 0;
  int64_t height = 0;
  int64_t width = 0;

  int64_t num_voxels() const { return depth * height * width; }

  int64_t num_elements() const { return channels * num_voxels(); }

  bool operator==(const SampleShape&) const = default;
};

// One sample: the caller lends the memory, the transform fills it.
struct Sample {
  std::span<float> image;  // (C, D, H, W), shape().num_elements().
  // (D, H, W), shape().num_voxels(); empty if no mask is wanted.
  std::span<uint8_t> mask;
  // In voxels of the sample.
  std::vector<LabelledBox> boxes;
  // Depth, height, width that hold data; the rest, at the far ends, is padding.
  Shape3 content{};
};

}  // namespace voxlift::dataio
