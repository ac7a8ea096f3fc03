#include "dataio/transform/resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace voxlift::dataio {

namespace {

void check_plan(const Image& image, const ResizePlan& plan,
                std::span<float> out) {
  const auto inside = [](const CropBox& box, int64_t height, int64_t width) {
    return box.top >= 0 && box.left >= 0 && box.height > 0 && box.width > 0 &&
           box.top + box.height <= height && box.left + box.width <= width;
  };
  VOXLIFT_CHECK(inside(plan.source, image.height, image.width),
                "source outside the picture");
  VOXLIFT_CHECK(inside(plan.window, plan.height, plan.width),
                "window outside the resized picture");
  VOXLIFT_CHECK(static_cast<int64_t>(out.size()) ==
                    3 * plan.window.height * plan.window.width,
                "size of the output");
}

std::vector<Tap> linear_taps(int64_t first, int64_t count, int64_t in_length,
                             int64_t out_length) {
  std::vector<Tap> taps(static_cast<size_t>(count));
  for (size_t i = 0; i < taps.size(); ++i) {
    taps[i] =
        linear_tap(first + static_cast<int64_t>(i), in_length, out_length);
  }
  return taps;
}

float blend(float low, float high, float weight) {
  return low + weight * (high - low);
}

}  // namespace

Tap linear_tap(int64_t i, int64_t in_length, int64_t out_length) {
  const double scale =
      static_cast<double>(in_length) / static_cast<double>(out_length);
  const double position =
      std::clamp((static_cast<double>(i) + 0.5) * scale - 0.5, 0.0,
                 static_cast<double>(in_length - 1));
  const auto low = static_cast<int64_t>(position);
  return {low, std::min(low + 1, in_length - 1),
          static_cast<float>(position - static_cast<double>(low))};
}

void resize_bilinear(const Image& image, const ResizePlan& plan,
                     const std::array<int, 3>& plane_of, std::span<float> out) {
  check_plan(image, plan, out);
  const CropBox& window = plan.window;
  const std::vector<Tap> columns =
      linear_taps(window.left, window.width, plan.source.width, plan.width);
  const int64_t plane_size = window.height * window.width;
  for (int64_t y = 0; y < window.height; ++y) {
    const Tap row = linear_tap(window.top + y, plan.source.height, plan.height);
    const uint8_t* low =
        image.pixel(plan.source.top + row.low, plan.source.left);
    const uint8_t* high =
        image.pixel(plan.source.top + row.high, plan.source.left);
    for (int c = 0; c < 3; ++c) {
      float* to = out.data() + plane_of[static_cast<size_t>(c)] * plane_size +
                  y * window.width;
      for (const Tap& column : columns) {
        const int64_t a = 3 * column.low + c;
        const int64_t b = 3 * column.high + c;
        *to++ = blend(blend(low[a], low[b], column.weight),
                      blend(high[a], high[b], column.weight), row.weight);
      }
    }
  }
}

}  // namespace voxlift::dataio
