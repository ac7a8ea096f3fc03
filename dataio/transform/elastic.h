#pragma once
// A smooth random deformation of a sample.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "dataio/box.h"
#include "dataio/volume.h"

namespace voxlift::dataio {

struct ElasticConfig {
  double prob = 0.0;   // Share of the samples that are deformed.
  int64_t points = 4;  // Control points per axis, on the sample's ends too.
  double max_voxels = 3.0;  // Largest displacement of a point per axis.

  // Throws ConfigError naming `prefix` and the field.
  void validate(const std::string& prefix) const;
};

// Displacements at control points, uniform and independent per axis, and linear
// between them. On an axis of n voxels none is longer than a sixth of the
// distance between points, (n - 1) / (points - 1), whatever max_voxels says:
// below it the deformation cannot fold. An axis of one voxel stays.
//
// Our own, simpler form of the coarse-grid deformation of Ronneberger, Fischer,
// Brox, "U-Net", 2015, arXiv 1505.04597 (bicubic there).
class ElasticField {
 public:
  // Draws: 3 * points^3, in the order of D, H, W of the points, then D, H, W of
  // the displacement.
  ElasticField(const ElasticConfig& config, const Shape3& shape,
               RandomStream& draws);

  // Largest displacement per axis, in voxels.
  const std::array<double, 3>& reach() const { return reach_; }

  // Displacement of the sample's voxel (D, H, W), in voxels.
  std::array<double, 3> at(const Shape3& voxel) const;

 private:
  Shape3 shape_;
  int64_t points_;
  std::array<double, 3> reach_{};
  std::vector<std::array<double, 3>> displacements_;
};

// Which voxels of a scan a deformed sample shows: output voxel v shows the
// place (v + 1/2 + displacement) * scale, measured from the edge of the box
// that the sample would show undeformed.
class WarpGrid {
 public:
  // `box` is that box; `shape` the sample's.
  WarpGrid(const ElasticField& field, const VoxelBox& box, const Shape3& shape);

  // The voxels that can be reached; may lie beyond the scan.
  const VoxelBox& needed() const { return needed_; }

  // `voxels` is needed(), read from the scan. Trilinear, edges clamped.
  void sample_linear(std::span<const float> voxels, std::span<float> out) const;

  // Nearest.
  void sample_nearest(std::span<const uint8_t> voxels,
                      std::span<uint8_t> out) const;

  // `box`, in voxels of the scan, as the smallest box of all sample voxels that
  // show a place within it; no volume if there is none. Cost: one look at each
  // voxel near it.
  LabelledBox map(const LabelledBox& box) const;

 private:
  // In voxels of the scan, voxel i spanning i to i + 1.
  std::array<double, 3> place(const Shape3& voxel) const;

  const ElasticField& field_;
  VoxelBox box_;
  Shape3 shape_;
  std::array<double, 3> scale_{};
  VoxelBox needed_;
};

}  // namespace voxlift::dataio
