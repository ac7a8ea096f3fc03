#include "trainer/infer/window_plan.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/transform/fit_volume.h"

namespace voxlift::trainer {
namespace {

constexpr double kLeastWeight = 1e-3;
constexpr double kSidesPerDeviation = 8.0;
constexpr std::array<const char*, 3> kAxes = {"depth", "height", "width"};

void check_weights(const std::string& kind, const std::string& name) {
  if (kind != "gaussian" && kind != "count") {
    throw ConfigError(
        str_cat(name, " = '", kind, "': must be gaussian or count"));
  }
}

void check_flips(const std::string& flips, const std::string& name) {
  for (size_t i = 0; i < flips.size(); ++i) {
    if (std::string("dhw").find(flips[i]) == std::string::npos ||
        flips.find(flips[i], i + 1) != std::string::npos) {
      throw ConfigError(
          str_cat(name, " = '", flips, "': must be letters of dhw, each once"));
    }
  }
}

}  // namespace

dataio::Shape3 SlidingWindowConfig::resolved_stride() const {
  dataio::Shape3 resolved = stride;
  for (size_t i = 0; i < 3; ++i) {
    if (resolved[i] == 0) {
      resolved[i] = std::max<int64_t>(1, window[i] / 2);
    }
  }
  return resolved;
}

void SlidingWindowConfig::validate(const std::string& path) const {
  for (size_t i = 0; i < 3; ++i) {
    if (window[i] < 1) {
      throw ConfigError(str_cat(path, "window: ", kAxes[i], " = ", window[i],
                                ": must be at least 1"));
    }
    if (stride[i] < 0 || stride[i] > window[i]) {
      throw ConfigError(str_cat(path, "stride: ", kAxes[i], " = ", stride[i],
                                ": must be 0 to ", window[i], ", the window"));
    }
  }
  check_weights(weights, path + "weights");
  check_flips(flips, path + "flips");
  if (batch < 1) {
    throw ConfigError(str_cat(path, "batch = ", batch, ": must be at least 1"));
  }
}

std::vector<int64_t> window_starts(int64_t size, int64_t window,
                                   int64_t stride) {
  VOXLIFT_CHECK(size >= 1 && window >= 1 && stride >= 1 && stride <= window,
                "window along an axis");
  if (size <= window) {
    return {dataio::center_start({size, 1, 1}, {window, 1, 1})[0]};
  }
  std::vector<int64_t> starts;
  for (int64_t start = 0; start + window < size; start += stride) {
    starts.push_back(start);
  }
  starts.push_back(size - window);
  return starts;
}

std::vector<double> axis_weights(const std::string& kind, int64_t window) {
  std::vector<double> weights(static_cast<size_t>(window), 1.0);
  if (kind == "count") {
    return weights;
  }
  const double center = static_cast<double>(window - 1) / 2.0;
  const double deviation = static_cast<double>(window) / kSidesPerDeviation;
  for (size_t i = 0; i < weights.size(); ++i) {
    const double far = (static_cast<double>(i) - center) / deviation;
    weights[i] = std::max(kLeastWeight, std::exp(-far * far / 2.0));
  }
  return weights;
}

WindowPlan::WindowPlan(const dataio::Shape3& shape,
                       const SlidingWindowConfig& config)
    : shape_(shape), window_(config.window) {
  const dataio::Shape3 stride = config.resolved_stride();
  for (size_t i = 0; i < 3; ++i) {
    if (shape[i] < 1) {
      throw ConfigError(str_cat("a volume of ", shape[0], " x ", shape[1],
                                " x ", shape[2], " voxels has no windows"));
    }
    starts_[i] = window_starts(shape[i], window_[i], stride[i]);
  }
}

int64_t WindowPlan::windows_per_row() const {
  return static_cast<int64_t>(starts_[1].size() * starts_[2].size());
}

int64_t WindowPlan::row_begin(int64_t row) const {
  return std::max<int64_t>(0, starts_[0][static_cast<size_t>(row)]);
}

int64_t WindowPlan::row_end(int64_t row) const {
  return std::min(shape_[0], starts_[0][static_cast<size_t>(row)] + window_[0]);
}

dataio::VoxelBox WindowPlan::row_box(int64_t row) const {
  dataio::VoxelBox box;
  box.start = {starts_[0][static_cast<size_t>(row)], starts_[1].front(),
               starts_[2].front()};
  box.size[0] = window_[0];
  for (size_t i = 1; i < 3; ++i) {
    box.size[i] = starts_[i].back() + window_[i] - starts_[i].front();
  }
  return box;
}

std::vector<double> WindowPlan::weight_sums(size_t axis,
                                            const std::string& kind) const {
  const std::vector<double> weights = axis_weights(kind, window_[axis]);
  std::vector<double> sums(static_cast<size_t>(shape_[axis]), 0.0);
  for (const int64_t start : starts_[axis]) {
    for (int64_t i = 0; i < window_[axis]; ++i) {
      if (start + i >= 0 && start + i < shape_[axis]) {
        sums[static_cast<size_t>(start + i)] += weights[static_cast<size_t>(i)];
      }
    }
  }
  return sums;
}

RowShare WindowPlan::share(int rank, int size) const {
  VOXLIFT_CHECK(rank >= 0 && rank < size, "a rank of the group");
  const auto rows_before = [&](int r) { return num_rows() * r / size; };
  const auto planes_before = [&](int64_t row) {
    return row == 0 ? 0 : row_end(row - 1);
  };
  RowShare share;
  share.row_begin = rows_before(rank);
  share.row_end = rows_before(rank + 1);
  share.plane_begin = planes_before(share.row_begin);
  share.plane_end = planes_before(share.row_end);
  return share;
}

}  // namespace voxlift::trainer
