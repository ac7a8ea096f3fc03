#include "dataio/transform/orientation.h"

#include <utility>

#include "base/error.h"

namespace voxlift::dataio {

void Orientation::rotate90(size_t a, size_t b, int quarters) {
  // One quarter: out[.. i_a .. i_b ..] = in[.. i_b .. n - 1 - i_a ..].
  for (int i = 0; i < quarters; ++i) {
    std::swap(axis_[a], axis_[b]);
    std::swap(reversed_[a], reversed_[b]);
    reversed_[a] = !reversed_[a];
  }
}

Shape3 Orientation::apply(const Shape3& shape) const {
  return {shape[axis_[0]], shape[axis_[1]], shape[axis_[2]]};
}

template <typename T>
void Orientation::turn(std::span<const T> in, const Shape3& shape,
                       std::span<T> out) const {
  VOXLIFT_CHECK(in.size() == out.size(), "orientation keeps the size");
  const Shape3 in_step = {shape[1] * shape[2], shape[2], 1};
  const Shape3 length = apply(shape);
  Shape3 step;
  int64_t start = 0;
  for (size_t i = 0; i < 3; ++i) {
    step[i] = in_step[axis_[i]];
    if (reversed_[i]) {
      start += (length[i] - 1) * step[i];
      step[i] = -step[i];
    }
  }
  auto to = out.begin();
  for (int64_t d = 0; d < length[0]; ++d) {
    for (int64_t h = 0; h < length[1]; ++h) {
      int64_t from = start + d * step[0] + h * step[1];
      for (int64_t w = 0; w < length[2]; ++w, from += step[2]) {
        *to++ = in[static_cast<size_t>(from)];
      }
    }
  }
}

void Orientation::apply(std::span<const float> in, const Shape3& shape,
                        std::span<float> out) const {
  turn(in, shape, out);
}

void Orientation::apply(std::span<const uint8_t> in, const Shape3& shape,
                        std::span<uint8_t> out) const {
  turn(in, shape, out);
}

LabelledBox Orientation::apply(const LabelledBox& box,
                               const Shape3& shape) const {
  LabelledBox turned = box;
  for (size_t i = 0; i < 3; ++i) {
    const size_t from = axis_[i];
    const auto end = static_cast<double>(shape[from]);
    turned.low[i] = reversed_[i] ? end - box.high[from] : box.low[from];
    turned.high[i] = reversed_[i] ? end - box.low[from] : box.high[from];
  }
  return turned;
}

}  // namespace voxlift::dataio
