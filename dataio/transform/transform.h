#pragma once
// From the encoded bytes of one sample to the floats a network eats.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/random.h"
#include "dataio/volume.h"

namespace voxlift::dataio {

// Shape of one sample without the batch: channels, depth, height, width.
struct SampleShape {
  int64_t channels = 1;
  int64_t depth = 0;
  int64_t height = 0;
  int64_t width = 0;

  int64_t num_elements() const { return channels * depth * height * width; }

  bool operator==(const SampleShape&) const = default;
};

// A pure function of (bytes, draws). Any thread: apply() keeps no state.
class Transform {
 public:
  Transform() = default;
  Transform(const Transform&) = delete;
  Transform& operator=(const Transform&) = delete;
  virtual ~Transform() = default;

  virtual SampleShape shape() const = 0;

  // Decodes `encoded` and writes the sample, float32 in (C, D, H, W) order,
  // into `out` (shape().num_elements() floats). Every random decision comes
  // from `draws`, which the caller keys by (seed, epoch, sample id).
  // Throws DataError naming `origin`.
  virtual void apply(std::span<const std::byte> encoded,
                     const std::string& origin, RandomStream& draws,
                     std::span<float> out) const = 0;
};

// How a photograph becomes a volume of three planes. Defaults are the published
// pre-training recipe (docs/recipes.md).
struct PhotoTransformConfig {
  int64_t image_size = 224;
  // Share of the picture's area that the random crop takes.
  double min_area_frac = 0.08;
  double max_area_frac = 1.0;
  double flip_prob = 0.5;
  double channel_shuffle_prob = 1.0;
  // Evaluation: short side before the centre crop of image_size.
  int64_t eval_resize_short = 256;
  double mean = 114.495;
  double std = 57.63;

  // Throws ConfigError naming `path`.field.
  void validate(const std::string& path) const;
};

// Crop at random, resize, flip, shuffle the three planes, normalise: shape
// (1, 3, S, S), plane order R, G, B before the shuffle.
std::unique_ptr<Transform> make_photo_train_transform(
    const PhotoTransformConfig& config);

// Resize the short side, centre crop, normalise; planes R, G, B; no draws.
std::unique_ptr<Transform> make_photo_eval_transform(
    const PhotoTransformConfig& config);

// How a scan becomes a network's input.
struct VolumeTransformConfig {
  // Depth, height, width of the sample.
  Shape3 shape = {48, 48, 48};
  // "crop": centre crop, zero-padded where the scan is smaller (after
  // normalisation); "resize": trilinear to `shape`.
  std::string fit = "crop";
  // Training: the crop's centre moves by up to this many voxels per axis.
  int64_t max_shift = 5;
  bool random_rot90 = true;  // In planes whose two sides are equal.
  bool random_flip = true;   // At most one axis, uniform over none, D, H, W.
  // "zscore": mean and deviation of this volume; "fixed": mean and std below.
  std::string normalize = "zscore";
  double mean = 99.0;
  double std = 77.0;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

std::unique_ptr<Transform> make_volume_train_transform(
    const VolumeTransformConfig& config);
std::unique_ptr<Transform> make_volume_eval_transform(
    const VolumeTransformConfig& config);

}  // namespace voxlift::dataio
