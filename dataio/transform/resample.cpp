#include "dataio/transform/resample.h"

#include <algorithm>

#include "base/error.h"

namespace voxlift::dataio {

namespace {

int64_t volume_of(const Shape3& shape) {
  return shape[0] * shape[1] * shape[2];
}

// out = low + weight * (high - low), voxel by voxel.
void blend(std::span<const float> low, std::span<const float> high,
           float weight, std::span<float> out) {
  if (weight == 0.0F) {
    std::copy(low.begin(), low.end(), out.begin());
    return;
  }
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = low[i] + weight * (high[i] - low[i]);
  }
}

bool is_identity(const std::vector<Tap>& taps) {
  for (size_t i = 0; i < taps.size(); ++i) {
    if (taps[i].low != static_cast<int64_t>(i) || taps[i].weight != 0.0F) {
      return false;
    }
  }
  return true;
}

// The two neighbouring lines or slices that an output position mixes, each
// computed once: neighbours differ in their lowest bit, which is their place.
class Pair {
 public:
  explicit Pair(size_t length) : items_{std::vector<float>(length), {}} {
    items_[1].resize(length);
  }

  // The item of input position i, made by make(i, out) where it is new.
  template <typename Make>
  std::span<const float> get(int64_t i, const Make& make) {
    const auto place = static_cast<size_t>(i & 1);
    if (held_[place] != i) {
      make(i, std::span<float>(items_[place]));
      held_[place] = i;
    }
    return items_[place];
  }

  void forget() { held_ = {-1, -1}; }

 private:
  std::array<std::vector<float>, 2> items_;
  std::array<int64_t, 2> held_{-1, -1};
};

class LinearResampler {
 public:
  LinearResampler(std::span<const float> in, const Shape3& shape,
                  const AxisTaps& taps)
      : in_(in),
        shape_(shape),
        taps_(taps),
        keeps_lines_(is_identity(taps[2])),
        slices_(taps[1].size() * taps[2].size()),
        lines_(taps[2].size()) {}

  void run(std::span<float> out) {
    const size_t slice = taps_[1].size() * taps_[2].size();
    const auto make = [this](int64_t d, std::span<float> to) {
      make_slice(d, to);
    };
    for (size_t d = 0; d < taps_[0].size(); ++d) {
      const Tap& tap = taps_[0][d];
      const auto low = slices_.get(tap.low, make);
      const auto high = tap.weight == 0.0F ? low : slices_.get(tap.high, make);
      blend(low, high, tap.weight, out.subspan(d * slice, slice));
    }
  }

 private:
  void make_slice(int64_t d, std::span<float> out) {
    lines_.forget();
    const size_t width = taps_[2].size();
    const auto make = [this, d](int64_t h, std::span<float> to) {
      make_line(d, h, to);
    };
    for (size_t h = 0; h < taps_[1].size(); ++h) {
      const Tap& tap = taps_[1][h];
      const auto low = lines_.get(tap.low, make);
      const auto high = tap.weight == 0.0F ? low : lines_.get(tap.high, make);
      blend(low, high, tap.weight, out.subspan(h * width, width));
    }
  }

  void make_line(int64_t d, int64_t h, std::span<float> out) const {
    const float* line = in_.data() + (d * shape_[1] + h) * shape_[2];
    if (keeps_lines_) {
      std::copy_n(line, out.size(), out.begin());
      return;
    }
    for (size_t w = 0; w < out.size(); ++w) {
      const Tap& tap = taps_[2][w];
      out[w] = line[tap.low] + tap.weight * (line[tap.high] - line[tap.low]);
    }
  }

  std::span<const float> in_;
  Shape3 shape_;
  const AxisTaps& taps_;
  bool keeps_lines_;
  Pair slices_;
  Pair lines_;
};

}  // namespace

AxisTaps centred_taps(const Shape3& in_shape, const Shape3& out_shape) {
  AxisTaps taps;
  for (size_t axis = 0; axis < 3; ++axis) {
    for (int64_t i = 0; i < out_shape[axis]; ++i) {
      taps[axis].push_back(linear_tap(i, in_shape[axis], out_shape[axis]));
    }
  }
  return taps;
}

void resample_linear(std::span<const float> in, const Shape3& in_shape,
                     const AxisTaps& taps, std::span<float> out) {
  VOXLIFT_CHECK(
      static_cast<int64_t>(in.size()) == volume_of(in_shape) &&
          out.size() == taps[0].size() * taps[1].size() * taps[2].size(),
      "number of voxels");
  LinearResampler(in, in_shape, taps).run(out);
}

int64_t nearest_position(int64_t i, int64_t in_length, int64_t out_length) {
  return (2 * i + 1) * in_length / (2 * out_length);
}

void resample_nearest(std::span<const uint8_t> in, const Shape3& in_shape,
                      const Shape3& out_shape, std::span<uint8_t> out) {
  VOXLIFT_CHECK(static_cast<int64_t>(in.size()) == volume_of(in_shape) &&
                    static_cast<int64_t>(out.size()) == volume_of(out_shape),
                "number of voxels");
  std::vector<int64_t> columns;
  for (int64_t w = 0; w < out_shape[2]; ++w) {
    columns.push_back(nearest_position(w, in_shape[2], out_shape[2]));
  }
  auto to = out.begin();
  for (int64_t d = 0; d < out_shape[0]; ++d) {
    const int64_t slice = nearest_position(d, in_shape[0], out_shape[0]);
    for (int64_t h = 0; h < out_shape[1]; ++h) {
      const int64_t row = nearest_position(h, in_shape[1], out_shape[1]);
      const auto line = in.begin() + (slice * in_shape[1] + row) * in_shape[2];
      for (const int64_t column : columns) {
        *to++ = line[column];
      }
    }
  }
}

}  // namespace voxlift::dataio
