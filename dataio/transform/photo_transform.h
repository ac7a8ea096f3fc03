#pragma once
// From the encoded bytes of a photograph to the floats a network eats.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/random.h"
#include "dataio/transform/sample.h"
#include "dataio/transform/workspace.h"

namespace voxlift::dataio {

// A pure function of (bytes, draws). Any thread: apply() keeps no state.
class PhotoTransform {
 public:
  PhotoTransform() = default;
  PhotoTransform(const PhotoTransform&) = delete;
  PhotoTransform& operator=(const PhotoTransform&) = delete;
  virtual ~PhotoTransform() = default;

  virtual SampleShape shape() const = 0;

  // Decodes `encoded` and writes the sample, float32 in (C, D, H, W) order,
  // into `out` (shape().num_elements() floats). Every random decision comes
  // from `draws`, which the caller keys by (seed, epoch, sample id).
  // Throws DataError naming `origin`.
  virtual void apply(std::span<const std::byte> encoded,
                     const std::string& origin, RandomStream& draws,
                     Workspace& workspace, std::span<float> out) const = 0;
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
  // Training: decode the whole picture at full size and resize it in floating
  // point, as the reference does. Otherwise of a JPEG only the crop is decoded,
  // a large one at a half, a quarter or an eighth of its size, and resized in
  // fixed point (docs/photographs.md gives the difference). Takes about three
  // times as long. Evaluation always does it: scores must be comparable with
  // published ones.
  bool exact_decode = false;

  // Throws ConfigError naming `path`.field.
  void validate(const std::string& path) const;
};

// Crop at random, resize, flip, shuffle the three planes, normalise: shape
// (1, 3, S, S), plane order R, G, B before the shuffle.
std::unique_ptr<PhotoTransform> make_photo_train_transform(
    const PhotoTransformConfig& config);

// Resize the short side, centre crop, normalise; planes R, G, B; no draws.
std::unique_ptr<PhotoTransform> make_photo_eval_transform(
    const PhotoTransformConfig& config);

}  // namespace voxlift::dataio
