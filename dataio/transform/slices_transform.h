#pragma once
// A key slice and its neighbours, for detection on single slices of CT.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataio/transform/volume_transform.h"

namespace voxlift::dataio {

// Defaults are the published DeepLesion recipe (docs/scan_transforms.md).
struct SlicesTransformConfig {
  // Depth of the sample. The key slice is at (num_slices - 1) / 2: an even
  // number has one more slice after it than before.
  int64_t num_slices = 9;
  // Distance between the sample's slices; 0: that of the scan.
  double interval_mm = 2.5;
  // x -> clip((x - low) / (high - low), 0, 1) * 255, then (x - mean) / std.
  double window_low = -1024.0;
  double window_high = 1050.0;
  double mean = 123.675;
  double std = 58.395;
  // Length of the longer side, in pixels: one of them, equally likely, in
  // training; the shorter side in proportion, rounded half up.
  std::vector<int64_t> train_sides = {448, 512, 576};
  int64_t eval_side = 512;
  double flip_prob = 0.5;   // Mirrors left and right.
  double zflip_prob = 0.5;  // Reverses the order of the slices.
  // A box is dropped if less of its volume is left in the sample.
  double min_box_frac = 0.25;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// Samples of shape (1, num_slices, S, S), S the largest side rounded up to a
// multiple of 32. The picture stands at the top left, Sample::content tells how
// much of it is data, and the rest is 0.
//
// Slice p of the sample, counted from the key slice, shows the place key + p *
// interval / spacing of the scan: linear between the two slices there, each
// place with weights of its own, and the first or last slice beyond the ends.
// The slices are mixed first, then windowed, resized (bilinear, half-pixel
// centres, no antialiasing) and normalised.
//
// Boxes that the key slice cuts become boxes of one slice: the key's. Reads
// the slices from the first place to the last, in one box. Masks are not
// carried: a sample that wants one is an InternalError.
//
// apply() throws DataError naming the source if it has no key slice or a
// spacing along depth that is not more than 0.
//
// Draws of kSlices, each time: the side, the mirroring, the order of slices.
std::unique_ptr<VolumeTransform> make_slices_train_transform(
    const SlicesTransformConfig& config);
std::unique_ptr<VolumeTransform> make_slices_eval_transform(
    const SlicesTransformConfig& config);

}  // namespace voxlift::dataio
