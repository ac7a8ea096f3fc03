#pragma once
// Quarter turns and mirrorings of a volume, composed first and applied once.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataio/box.h"
#include "dataio/volume.h"

namespace voxlift::dataio {

// Maps each output axis (0 depth, 1 height, 2 width) to an input axis that is
// read forwards or backwards. Starts as the identity. A value.
class Orientation {
 public:
  Orientation() = default;

  // Output axis i is input axis axis[i], read backwards where reversed[i].
  Orientation(const std::array<size_t, 3>& axis,
              const std::array<bool, 3>& reversed)
      : axis_(axis), reversed_(reversed) {}

  const std::array<size_t, 3>& axis() const { return axis_; }

  const std::array<bool, 3>& reversed() const { return reversed_; }

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
  void apply(std::span<const uint8_t> in, const Shape3& shape,
             std::span<uint8_t> out) const;

  // Where `box`, in a volume of `shape`, lies in the turned volume.
  LabelledBox apply(const LabelledBox& box, const Shape3& shape) const;

 private:
  template <typename T>
  void turn(std::span<const T> in, const Shape3& shape, std::span<T> out) const;

  std::array<size_t, 3> axis_ = {0, 1, 2};
  std::array<bool, 3> reversed_{};
};

}  // namespace voxlift::dataio
