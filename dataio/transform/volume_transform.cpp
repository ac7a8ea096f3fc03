// From a scan's bytes to a network's input.

#include "dataio/transform/volume_transform.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/transform/check_field.h"
#include "dataio/transform/fit_volume.h"
#include "dataio/transform/orientation.h"

namespace voxlift::dataio {

namespace {

constexpr double kTiny = 1e-6;
constexpr double kHuge = 1e9;

// A constant volume has no deviation; it becomes all zero.
constexpr double kMinDeviation = 1e-12;

void check_choice(const std::string& name, const std::string& value,
                  std::vector<std::string> choices) {
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    throw ConfigError(str_cat(name, " = '", value, "', want ",
                              str_join(choices, " or "),
                              "; nearest: ", nearest_word(value, choices)));
  }
}

// An image brought to a shape, read from a source.
class BasicTransform : public VolumeTransform {
 public:
  explicit BasicTransform(const VolumeTransformConfig& config)
      : config_(config) {
    config.validate("volume_transform");
  }

  SampleShape shape() const override {
    return {1, config_.shape[0], config_.shape[1], config_.shape[2]};
  }

 protected:
  bool own_moments() const { return config_.normalize == "zscore"; }

  float mean_of(const VolumeSource& source) const {
    return static_cast<float>(own_moments() ? source.facts().moments.mean
                                            : config_.mean);
  }

  void normalise(const VolumeSource& source, std::span<float> voxels) const {
    const float mean = mean_of(source);
    const auto std = static_cast<float>(
        own_moments() ? std::max(source.facts().moments.std, kMinDeviation)
                      : config_.std);
    for (float& voxel : voxels) {
      voxel = (voxel - mean) / std;
    }
  }

  // The crop that begins at `start`, normalised; 0 outside of the volume.
  void crop(const VolumeSource& source, const Shape3& start,
            Workspace& workspace, std::span<float> out) const {
    const float outside = mean_of(source);
    read_padded_image(source, {start, config_.shape}, outside, workspace, out);
    normalise(source, out);
  }

  void resize(const VolumeSource& source, std::span<float> out) const {
    Volume whole;
    whole.shape = source.facts().shape;
    whole.voxels.resize(static_cast<size_t>(whole.num_voxels()));
    source.read_image({{0, 0, 0}, whole.shape}, whole.voxels);
    normalise(source, whole.voxels);
    resize_volume(whole, config_.shape, out);
  }

  bool resizes() const { return config_.fit == "resize"; }

  const VolumeTransformConfig config_;
};

// Draws, in this order: the crop's shift per axis (only if cropping), the
// quarter turns in the planes DH, DW, HW (only where the sides are equal), the
// axis of the mirroring.
class TrainTransform : public BasicTransform {
 public:
  using BasicTransform::BasicTransform;

  void apply(const VolumeSource& source, RandomStream& draws,
             Workspace& workspace, Sample& out) const override {
    std::vector<float> fitted(out.image.size());
    if (resizes()) {
      resize(source, fitted);
    } else {
      const Shape3 start = draw_start(source.facts().shape, config_.shape,
                                      config_.max_shift, draws);
      crop(source, start, workspace, fitted);
    }
    draw_orientation(draws).apply(fitted, config_.shape, out.image);
    out.content = config_.shape;
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

class EvalTransform : public BasicTransform {
 public:
  using BasicTransform::BasicTransform;

  void apply(const VolumeSource& source, RandomStream& /*draws*/,
             Workspace& workspace, Sample& out) const override {
    if (resizes()) {
      resize(source, out.image);
    } else {
      crop(source, center_start(source.facts().shape, config_.shape), workspace,
           out.image);
    }
    out.content = config_.shape;
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

std::unique_ptr<VolumeTransform> make_volume_train_transform(
    const VolumeTransformConfig& config) {
  return std::make_unique<TrainTransform>(config);
}

std::unique_ptr<VolumeTransform> make_volume_eval_transform(
    const VolumeTransformConfig& config) {
  return std::make_unique<EvalTransform>(config);
}

}  // namespace voxlift::dataio
