#pragma once
// From a scan to the floats a network eats.

#include <cstdint>
#include <memory>
#include <string>

#include "base/random.h"
#include "dataio/transform/sample.h"
#include "dataio/transform/workspace.h"
#include "dataio/volume_source.h"

namespace voxlift::dataio {

// A pure function of (scan, draws). Any thread: apply() keeps no state.
class VolumeTransform {
 public:
  VolumeTransform() = default;
  VolumeTransform(const VolumeTransform&) = delete;
  VolumeTransform& operator=(const VolumeTransform&) = delete;
  virtual ~VolumeTransform() = default;

  virtual SampleShape shape() const = 0;

  // Reads what it needs of `source` and fills `out`: the image, the mask unless
  // out.mask is empty, boxes and content. Every random decision comes from
  // `draws`, which the caller keys by (seed, epoch, sample id).
  // Throws DataError naming the source.
  virtual void apply(const VolumeSource& source, RandomStream& draws,
                     Workspace& workspace, Sample& out) const = 0;
};

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

std::unique_ptr<VolumeTransform> make_volume_train_transform(
    const VolumeTransformConfig& config);
std::unique_ptr<VolumeTransform> make_volume_eval_transform(
    const VolumeTransformConfig& config);

}  // namespace voxlift::dataio
