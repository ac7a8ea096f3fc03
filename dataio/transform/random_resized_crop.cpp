#include "dataio/transform/random_resized_crop.h"

#include <cmath>

namespace voxlift::dataio {

namespace {

constexpr double kMinRatio = 3.0 / 4.0;
constexpr double kMaxRatio = 4.0 / 3.0;
constexpr int kTries = 10;

// The default rounding mode: to the nearest, halves to even.
int64_t round_half_even(double value) {
  return static_cast<int64_t>(std::nearbyint(value));
}

}  // namespace

CropBox draw_crop(int64_t height, int64_t width,
                  const PhotoTransformConfig& config, RandomStream& draws) {
  const double area = static_cast<double>(height) * static_cast<double>(width);
  for (int i = 0; i < kTries; ++i) {
    const double target =
        area * draws.uniform(config.min_area_frac, config.max_area_frac);
    const double ratio =
        std::exp(draws.uniform(std::log(kMinRatio), std::log(kMaxRatio)));
    const int64_t crop_width = round_half_even(std::sqrt(target * ratio));
    const int64_t crop_height = round_half_even(std::sqrt(target / ratio));
    if (crop_width > 0 && crop_width <= width && crop_height > 0 &&
        crop_height <= height) {
      const int64_t top = draws.uniform_int(0, height - crop_height);
      const int64_t left = draws.uniform_int(0, width - crop_width);
      return {top, left, crop_height, crop_width};
    }
  }
  return central_crop(height, width);
}

CropBox central_crop(int64_t height, int64_t width) {
  const double ratio = static_cast<double>(width) / static_cast<double>(height);
  CropBox box{0, 0, height, width};
  if (ratio < kMinRatio) {
    box.height = round_half_even(static_cast<double>(width) / kMinRatio);
  } else if (ratio > kMaxRatio) {
    box.width = round_half_even(static_cast<double>(height) * kMaxRatio);
  }
  box.top = (height - box.height) / 2;
  box.left = (width - box.width) / 2;
  return box;
}

ResizePlan plan_center_crop(int64_t height, int64_t width, int64_t resize_short,
                            int64_t size) {
  ResizePlan plan;
  plan.source = {0, 0, height, width};
  const bool is_tall = height > width;
  plan.height = is_tall ? resize_short * height / width : resize_short;
  plan.width = is_tall ? resize_short : resize_short * width / height;
  plan.window = {round_half_even(static_cast<double>(plan.height - size) / 2.0),
                 round_half_even(static_cast<double>(plan.width - size) / 2.0),
                 size, size};
  return plan;
}

}  // namespace voxlift::dataio
