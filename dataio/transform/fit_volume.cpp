#include "dataio/transform/fit_volume.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "dataio/transform/resize.h"

namespace voxlift::dataio {

namespace {

int64_t floor_half(int64_t value) {
  return value >> 1;
}

void check_output(const Shape3& length, std::span<float> out) {
  VOXLIFT_CHECK(
      static_cast<int64_t>(out.size()) == length[0] * length[1] * length[2],
      "size of the output");
}

std::vector<Tap> axis_taps(int64_t in_length, int64_t out_length) {
  std::vector<Tap> taps;
  for (int64_t i = 0; i < out_length; ++i) {
    taps.push_back(linear_tap(i, in_length, out_length));
  }
  return taps;
}

float blend(float low, float high, float weight) {
  return low + weight * (high - low);
}

// One output voxel: along W, then H, then D.
float sample(const Volume& volume, const Tap& d, const Tap& h, const Tap& w) {
  const auto line = [&](int64_t z, int64_t y) {
    return blend(volume.at(z, y, w.low), volume.at(z, y, w.high), w.weight);
  };
  const auto plane = [&](int64_t z) {
    return blend(line(z, h.low), line(z, h.high), h.weight);
  };
  return blend(plane(d.low), plane(d.high), d.weight);
}

}  // namespace

Shape3 center_start(const Shape3& size, const Shape3& length) {
  Shape3 start;
  for (size_t i = 0; i < 3; ++i) {
    start[i] = floor_half(size[i] - length[i]);
  }
  return start;
}

Shape3 draw_start(const Shape3& size, const Shape3& length, int64_t max_shift,
                  RandomStream& draws) {
  Shape3 start = center_start(size, length);
  for (size_t i = 0; i < 3; ++i) {
    const int64_t room = size[i] - length[i];
    const int64_t low =
        std::max(start[i] - max_shift, std::min<int64_t>(0, room));
    const int64_t high =
        std::min(start[i] + max_shift, std::max<int64_t>(0, room));
    start[i] = draws.uniform_int(low, high);
  }
  return start;
}

void crop_volume(const Volume& volume, const Shape3& start,
                 const Shape3& length, std::span<float> out) {
  check_output(length, out);
  std::fill(out.begin(), out.end(), 0.0F);
  Shape3 first;  // Of the output, where it overlaps the volume.
  Shape3 last;
  for (size_t i = 0; i < 3; ++i) {
    first[i] = std::max<int64_t>(0, -start[i]);
    last[i] = std::min(length[i], volume.shape[i] - start[i]);
  }
  if (first[2] >= last[2]) {
    return;
  }
  for (int64_t d = first[0]; d < last[0]; ++d) {
    for (int64_t h = first[1]; h < last[1]; ++h) {
      const int64_t from =
          ((start[0] + d) * volume.shape[1] + start[1] + h) * volume.shape[2] +
          start[2] + first[2];
      const int64_t to = (d * length[1] + h) * length[2] + first[2];
      std::copy_n(volume.voxels.begin() + from, last[2] - first[2],
                  out.begin() + to);
    }
  }
}

void resize_volume(const Volume& volume, const Shape3& length,
                   std::span<float> out) {
  check_output(length, out);
  const std::vector<Tap> rows = axis_taps(volume.shape[1], length[1]);
  const std::vector<Tap> columns = axis_taps(volume.shape[2], length[2]);
  auto to = out.begin();
  for (const Tap& d : axis_taps(volume.shape[0], length[0])) {
    for (const Tap& h : rows) {
      for (const Tap& w : columns) {
        *to++ = sample(volume, d, h, w);
      }
    }
  }
}

}  // namespace voxlift::dataio
