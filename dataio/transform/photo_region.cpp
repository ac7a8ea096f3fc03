#include "dataio/transform/photo_region.h"

#include <algorithm>
#include <cmath>

namespace voxlift::dataio {

namespace {

// Pixels [begin, begin + length) of an axis become `resized` pixels; `count` of
// those are wanted, from `first` on.
struct AxisPlan {
  int64_t begin = 0;
  int64_t length = 0;
  int64_t resized = 0;
  int64_t first = 0;
  int64_t count = 0;
};

// libjpeg rounds the size of a scaled picture up.
int64_t scaled_up(int64_t length, int scale) {
  return (length * scale + 7) / 8;
}

// At scale 8 this is the rule of linear_tap(). Pixel k of a scaled picture
// covers 8 / scale pixels of the file, its centre lies amid them.
SampleAxis make_axis(const AxisPlan& plan, int scale) {
  const double ratio = scale / 8.0;
  const double step =
      static_cast<double>(plan.length) / static_cast<double>(plan.resized);
  const double centre = static_cast<double>(plan.begin) +
                        (static_cast<double>(plan.first) + 0.5) * step;
  return {.first = centre * ratio - 0.5,
          .step = step * ratio,
          .lowest = plan.begin * scale / 8,
          .highest = scaled_up(plan.begin + plan.length, scale) - 1,
          .count = plan.count};
}

int choose_scale(const ResizePlan& plan) {
  for (const int scale : {1, 2, 4}) {
    if (plan.source.height * scale >= plan.height * 8 &&
        plan.source.width * scale >= plan.width * 8) {
      return scale;
    }
  }
  return 8;
}

}  // namespace

double SampleAxis::at(int64_t i) const {
  return std::clamp(first + static_cast<double>(i) * step,
                    static_cast<double>(lowest), static_cast<double>(highest));
}

int64_t SampleAxis::last() const {
  return std::min(static_cast<int64_t>(at(count - 1)) + 1, highest);
}

PhotoRegion plan_photo_region(const ResizePlan& plan) {
  const CropBox& source = plan.source;
  const CropBox& window = plan.window;
  PhotoRegion result;
  const int scale = choose_scale(plan);
  result.rows = make_axis(
      {source.top, source.height, plan.height, window.top, window.height},
      scale);
  result.columns = make_axis(
      {source.left, source.width, plan.width, window.left, window.width},
      scale);
  const int64_t top = result.rows.begin();
  const int64_t left = result.columns.begin();
  result.region = {scale,
                   {top, left, result.rows.last() - top + 1,
                    result.columns.last() - left + 1}};
  return result;
}

}  // namespace voxlift::dataio
