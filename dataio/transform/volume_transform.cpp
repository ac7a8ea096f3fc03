// From a scan's bytes to a network's input.

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/decoder.h"
#include "dataio/transform/check_field.h"
#include "dataio/transform/fit_volume.h"
#include "dataio/transform/orientation.h"
#include "dataio/transform/transform.h"

namespace voxlift::dataio {

namespace {

constexpr double kTiny = 1e-6;
constexpr double kHuge = 1e9;

// A constant volume has no deviation; it becomes all zero.
constexpr double kMinDeviation = 1e-12;

void check_finite(const Volume& volume, const std::string& origin) {
  const auto is_bad = [](float voxel) { return !std::isfinite(voxel); };
  const int64_t num_bad =
      std::count_if(volume.voxels.begin(), volume.voxels.end(), is_bad);
  if (num_bad > 0) {
    throw DataError(str_cat(origin, ": ", num_bad, " of ", volume.num_voxels(),
                            " voxels are NaN or infinite"));
  }
}

struct Moments {
  double mean = 0.0;
  double std = 1.0;
};

// In float64 and in file order, so that the bits depend on the volume only.
Moments measure(const Volume& volume) {
  const auto count = static_cast<double>(volume.num_voxels());
  double sum = 0.0;
  for (const float voxel : volume.voxels) {
    sum += voxel;
  }
  const double mean = sum / count;
  double squares = 0.0;
  for (const float voxel : volume.voxels) {
    squares += (voxel - mean) * (voxel - mean);
  }
  return {mean, std::max(std::sqrt(squares / count), kMinDeviation)};
}

void check_choice(const std::string& name, const std::string& value,
                  std::vector<std::string> choices) {
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    throw ConfigError(str_cat(name, " = '", value, "', want ",
                              str_join(choices, " or "),
                              "; nearest: ", nearest_word(value, choices)));
  }
}

class VolumeTransform : public Transform {
 public:
  explicit VolumeTransform(const VolumeTransformConfig& config)
      : config_(config) {
    config.validate("volume_transform");
  }

  SampleShape shape() const override {
    return {1, config_.shape[0], config_.shape[1], config_.shape[2]};
  }

 protected:
  Volume load(std::span<const std::byte> encoded,
              const std::string& origin) const {
    Volume volume = decode_volume(encoded, origin);
    check_finite(volume, origin);
    const Moments moments = config_.normalize == "zscore"
                                ? measure(volume)
                                : Moments{config_.mean, config_.std};
    for (float& voxel : volume.voxels) {
      voxel = static_cast<float>((voxel - moments.mean) / moments.std);
    }
    return volume;
  }

  bool resizes() const { return config_.fit == "resize"; }

  const VolumeTransformConfig config_;
};

// Draws, in this order: the crop's shift per axis (only if cropping), the
// quarter turns in the planes DH, DW, HW (only where the sides are equal), the
// axis of the mirroring.
class TrainTransform : public VolumeTransform {
 public:
  using VolumeTransform::VolumeTransform;

  void apply(std::span<const std::byte> encoded, const std::string& origin,
             RandomStream& draws, std::span<float> out) const override {
    const Volume volume = load(encoded, origin);
    std::vector<float> fitted(out.size());
    if (resizes()) {
      resize_volume(volume, config_.shape, fitted);
    } else {
      const Shape3 start =
          draw_start(volume.shape, config_.shape, config_.max_shift, draws);
      crop_volume(volume, start, config_.shape, fitted);
    }
    draw_orientation(draws).apply(fitted, config_.shape, out);
  }

 private:
  Orientation draw_orientation(RandomStream& draws) const {
    Orientation orientation;
    if (config_.random_rot90) {
      draw_turn(0, 1, draws, orientation);
      draw_turn(0, 2, draws, orientation);
      draw_turn(1, 2, draws, orientation);
    }
    if (config_.random_flip) {
      const int64_t axis = draws.uniform_int(-1, 2);
      if (axis >= 0) {
        orientation.flip(static_cast<size_t>(axis));
      }
    }
    return orientation;
  }

  void draw_turn(size_t a, size_t b, RandomStream& draws,
                 Orientation& orientation) const {
    if (config_.shape[a] == config_.shape[b]) {
      orientation.rotate90(a, b, static_cast<int>(draws.uniform_int(0, 3)));
    }
  }
};

class EvalTransform : public VolumeTransform {
 public:
  using VolumeTransform::VolumeTransform;

  void apply(std::span<const std::byte> encoded, const std::string& origin,
             RandomStream& /*draws*/, std::span<float> out) const override {
    const Volume volume = load(encoded, origin);
    if (resizes()) {
      resize_volume(volume, config_.shape, out);
    } else {
      crop_volume(volume, center_start(volume.shape, config_.shape),
                  config_.shape, out);
    }
  }
};

}  // namespace

void VolumeTransformConfig::validate(const std::string& path) const {
  for (const int64_t side : shape) {
    check_field<int64_t>(path + ".shape", side, 1, 1024, "sides of 1 to 1024");
  }
  check_choice(path + ".fit", fit, {"crop", "resize"});
  check_field<int64_t>(path + ".max_shift", max_shift, 0, 512, "0 to 512");
  check_choice(path + ".normalize", normalize, {"zscore", "fixed"});
  check_field(path + ".mean", mean, -kHuge, kHuge, "-1e9 to 1e9");
  check_field(path + ".std", std, kTiny, kHuge, "more than 0, at most 1e9");
}

std::unique_ptr<Transform> make_volume_train_transform(
    const VolumeTransformConfig& config) {
  return std::make_unique<TrainTransform>(config);
}

std::unique_ptr<Transform> make_volume_eval_transform(
    const VolumeTransformConfig& config) {
  return std::make_unique<EvalTransform>(config);
}

}  // namespace voxlift::dataio
