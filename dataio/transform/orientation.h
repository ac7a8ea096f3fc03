#pragma once
// Quarter turns and mirrorings of a volume, composed first and applied once.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataio/volume.h"

namespace voxlift::dataio {

// Maps each output axis (0 depth, 1 height, 2 width) to an input axis that is
// read forwards or backwards. Starts as the identity. A value.
class Orientation {
 public:
  // Turns by `quarters` times 90 degrees in the plane of axes a and b, in the
  // sense of numpy.rot90(x, quarters, (a, b)).
  void rotate90(size_t a, size_t b, int quarters);

  // Mirrors along an axis.
  void flip(size_t axis) { reversed_[axis] = !reversed_[axis]; }

  // Shape of the result for an input of this shape.
  Shape3 apply(const Shape3& shape) const;

  // Writes the turned volume; `in` has `shape`, `out` has apply(shape).
  // Cost: one pass.
  void apply(std::span<const float> in, const Shape3& shape,
             std::span<float> out) const;

 private:
  std::array<size_t, 3> axis_ = {0, 1, 2};
  std::array<bool, 3> reversed_{};
};

}  // namespace voxlift::dataio
