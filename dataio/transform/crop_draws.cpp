#include "dataio/transform/crop_draws.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/transform/fit_volume.h"

namespace voxlift::dataio {

namespace {

// A shift that reaches every start: draw_start() keeps it within the scan.
constexpr int64_t kAnywhere = int64_t{1} << 40;

// Voxels of the scan that the crop shows on each axis.
Shape3 draw_length(const VolumeTransformConfig& config,
                   const AugmentStreams& streams) {
  RandomStream draws = streams.of(Augment::kZoom);
  std::array<double, 3> zoom{};
  for (double& value : zoom) {
    value = draws.uniform(config.min_zoom, config.max_zoom);
  }
  if (config.zoom_axes == "same") {
    zoom = {zoom[0], zoom[0], zoom[0]};
  } else if (config.zoom_axes == "inplane") {
    zoom = {1.0, zoom[0], zoom[0]};
  }
  Shape3 length{};
  for (size_t i = 0; i < 3; ++i) {
    length[i] = std::max<int64_t>(
        std::llround(static_cast<double>(config.shape[i]) / zoom[i]), 1);
  }
  return length;
}

std::optional<Shape3> draw_foreground_start(const VolumeTransformConfig& config,
                                            const VolumeSource& source,
                                            const Shape3& length,
                                            RandomStream draws) {
  const VolumeFacts& facts = source.facts();
  if (config.foreground_frac > 0.0 && !facts.has_mask) {
    throw DataError(str_cat(source.describe(), ": has no mask, but ",
                            config.foreground_frac,
                            " of the crops are wanted around its foreground"));
  }
  if (!draws.bernoulli(config.foreground_frac) || facts.num_foreground == 0) {
    return std::nullopt;
  }
  Shape3 start =
      source.foreground_voxel(draws.uniform_int(0, facts.num_foreground - 1));
  for (size_t i = 0; i < 3; ++i) {
    const int64_t shift = std::min(config.max_shift, (length[i] - 1) / 2);
    const int64_t room = facts.shape[i] - length[i];
    start[i] += draws.uniform_int(-shift, shift) - length[i] / 2;
    start[i] = std::clamp(start[i], std::min<int64_t>(room, 0),
                          std::max<int64_t>(room, 0));
  }
  return start;
}

bool is_on(const VolumeTransformConfig& config, const std::string& plane) {
  const auto& planes = config.rot90_planes;
  return std::find(planes.begin(), planes.end(), plane) != planes.end();
}

}  // namespace

VoxelBox draw_crop(const VolumeTransformConfig& config,
                   const VolumeSource& source, const AugmentStreams& streams,
                   RandomStream& draws) {
  const Shape3 length = draw_length(config, streams);
  const Shape3 start = draw_start(
      source.facts().shape, length,
      config.crop == "uniform" ? kAnywhere : config.max_shift, draws);
  const auto foreground = draw_foreground_start(
      config, source, length, streams.of(Augment::kForeground));
  return {foreground.value_or(start), length};
}

Orientation draw_orientation(const VolumeTransformConfig& config,
                             const AugmentStreams& streams,
                             RandomStream& draws) {
  Orientation orientation;
  const auto turn = [&](size_t a, size_t b, const char* plane) {
    if (config.random_rot90 && is_on(config, plane) &&
        config.shape[a] == config.shape[b]) {
      orientation.rotate90(a, b, static_cast<int>(draws.uniform_int(0, 3)));
    }
  };
  turn(0, 1, "dh");
  turn(0, 2, "dw");
  turn(1, 2, "hw");
  if (config.random_flip) {
    const int64_t axis = draws.uniform_int(-1, 2);
    if (axis >= 0) {
      orientation.flip(static_cast<size_t>(axis));
    }
  }
  RandomStream flips = streams.of(Augment::kFlips);
  const std::array<double, 3> probs = {
      config.flip_depth_prob, config.flip_height_prob, config.flip_width_prob};
  for (size_t axis = 0; axis < 3; ++axis) {
    if (flips.bernoulli(probs[axis])) {
      orientation.flip(axis);
    }
  }
  return orientation;
}

}  // namespace voxlift::dataio
