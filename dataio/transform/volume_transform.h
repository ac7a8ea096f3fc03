#pragma once
// From a scan to the floats a network eats.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "dataio/transform/elastic.h"
#include "dataio/transform/intensity_jitter.h"
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

// How a scan becomes a network's input. Everything random is for training
// only. docs/scan_transforms.md tells the order of steps and of draws.
struct VolumeTransformConfig {
  // Depth, height, width of the sample.
  Shape3 shape = {48, 48, 48};
  // "crop": a part of the scan; where the scan is smaller it is surrounded by
  // `outside`. "resize": the whole of it, trilinear to `shape`, the mask
  // nearest.
  std::string fit = "crop";
  // Where training crops: "center": the centre, moved by up to max_shift
  // voxels per axis; "uniform": anywhere. Evaluation takes the centre.
  std::string crop = "center";
  int64_t max_shift = 5;
  // Share of the crops around a foreground voxel, drawn uniformly and moved by
  // up to max_shift per axis; scans with an empty mask are cropped as above.
  double foreground_frac = 0.0;
  // The crop shows shape / zoom voxels, the zoom uniform between the two.
  double min_zoom = 1.0;
  double max_zoom = 1.0;
  // "inplane": one zoom for height and width; "same": one for all three axes;
  // "free": one per axis.
  std::string zoom_axes = "inplane";
  // Quarter turns in the planes named, of those with two equal sides: "dh",
  // "dw", "hw".
  bool random_rot90 = true;
  std::vector<std::string> rot90_planes = {"dh", "dw", "hw"};
  bool random_flip = true;  // At most one axis, uniform over none, D, H, W.
  // Further, independent mirrorings.
  double flip_depth_prob = 0.0;
  double flip_height_prob = 0.0;
  double flip_width_prob = 0.0;
  ElasticConfig elastic;
  // After normalisation.
  IntensityJitterConfig jitter;
  // A box is dropped if less of its volume is left in the sample.
  double min_box_frac = 0.25;
  // Before normalisation; not with "zscore", whose numbers are those of the
  // scan as stored.
  double clip_low = -1e9;
  double clip_high = 1e9;
  // "zscore": mean and deviation of this volume; "fixed": mean and std below;
  // "minmax": lowest value 0, highest 1; "none".
  std::string normalize = "zscore";
  double mean = 99.0;
  double std = 77.0;
  // Beyond the scan: "zero": what becomes 0 (the nearest to it if it is
  // clipped); "min": the scan's lowest value. Masks get 0.
  std::string outside = "zero";

  bool clips() const { return clip_low > -1e9 || clip_high < 1e9; }

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// Both give DataError naming the source if a mask is wanted, or foreground_frac
// is above 0, and the source has none.
std::unique_ptr<VolumeTransform> make_volume_train_transform(
    const VolumeTransformConfig& config);
std::unique_ptr<VolumeTransform> make_volume_eval_transform(
    const VolumeTransformConfig& config);

}  // namespace voxlift::dataio
