#pragma once
// Where the voxels of one grid lie in another, by the affines of both.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dataio/transform/orientation.h"
#include "dataio/volume.h"

namespace voxlift::trainer {

struct ScanGrid {
  dataio::Shape3 shape{};
  dataio::Affine affine = dataio::kIdentityAffine;

  bool operator==(const ScanGrid&) const = default;
};

// The voxels of `grid` that begin at `start`, `shape` of them; may reach
// beyond.
ScanGrid part_of(const ScanGrid& grid, const dataio::Shape3& start,
                 const dataio::Shape3& shape);

// The grid of `shape` voxels that covers the extent of `grid`.
ScanGrid divided(const ScanGrid& grid, const dataio::Shape3& shape);

// Voxels (D, H, W) of `from` to voxels of `to`: rows r of the result[r][0] * d
// + ... + result[r][3]. Throws DataError naming `origin` if the affine of `to`
// has no inverse.
dataio::Affine voxel_map(const ScanGrid& from, const ScanGrid& to,
                         const std::string& origin);

// Between two voxels of an axis: (1 - weight) of `low`, weight of low + 1.
struct AxisTap {
  int64_t low = 0;
  float weight = 0.0F;
  bool inside = true;  // Within half a voxel of the axis' ends, or between.
};

// The way from a target grid to a source grid whose axes are parallel.
struct GridMap {
  // Turns the target so that its axes are the source's, in rising order.
  dataio::Orientation to_source;
  // Per source axis and index in the turned target; rising.
  std::array<std::vector<AxisTap>, 3> taps;

  dataio::Shape3 turned_shape() const;
};

// Throws DataError naming `origin` if an affine has no inverse or axes of the
// two are not parallel.
GridMap map_grid(const ScanGrid& target, const ScanGrid& source,
                 const std::string& origin);

// Every tap at the nearer voxel (of two the upper).
void round_to_nearest(GridMap& map);

// The turning that undoes `orientation`.
dataio::Orientation inverse_of(const dataio::Orientation& orientation);

}  // namespace voxlift::trainer
