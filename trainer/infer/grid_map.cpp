#include "trainer/infer/grid_map.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

constexpr double kSnap = 1e-4;      // Voxels: rounding of affines.
constexpr double kMostShear = 0.1;  // Voxels, over a whole axis.

double cofactor(const dataio::Affine& a, size_t r, size_t c) {
  const size_t r1 = (r + 1) % 3;
  const size_t r2 = (r + 2) % 3;
  const size_t c1 = (c + 1) % 3;
  const size_t c2 = (c + 2) % 3;
  return a[r1][c1] * a[r2][c2] - a[r1][c2] * a[r2][c1];
}

dataio::Affine inverse(const dataio::Affine& a, const std::string& origin) {
  double determinant = 0.0;
  for (size_t c = 0; c < 3; ++c) {
    determinant += a[0][c] * cofactor(a, 0, c);
  }
  if (!(std::abs(determinant) > 0.0 && std::isfinite(determinant))) {
    throw DataError(str_cat(origin, ": the affine has determinant ",
                            determinant, " and so no inverse"));
  }
  dataio::Affine result{};
  for (size_t r = 0; r < 3; ++r) {
    for (size_t c = 0; c < 3; ++c) {
      result[r][c] = cofactor(a, c, r) / determinant;
    }
    for (size_t c = 0; c < 3; ++c) {
      result[r][3] -= result[r][c] * a[c][3];
    }
  }
  return result;
}

// The target axis along which a source axis runs.
size_t parallel_axis(const dataio::Affine& map, size_t axis,
                     const ScanGrid& target, const std::string& origin) {
  size_t found = 0;
  for (size_t k = 1; k < 3; ++k) {
    found = std::abs(map[axis][k]) > std::abs(map[axis][found]) ? k : found;
  }
  for (size_t k = 0; k < 3; ++k) {
    const double shear =
        std::abs(map[axis][k]) * static_cast<double>(target.shape[k] - 1);
    if (k != found && !(shear < kMostShear)) {
      throw DataError(str_cat(origin, ": the axes of the two grids are not ",
                              "parallel: off by ", shear, " voxels"));
    }
  }
  return found;
}

AxisTap tap_at(double position, int64_t length) {
  const double nearest = std::round(position);
  if (std::abs(position - nearest) < kSnap) {
    position = nearest;
  }
  const auto last = static_cast<double>(length - 1);
  AxisTap tap;
  tap.inside = position >= -0.5 - kSnap && position <= last + 0.5 + kSnap;
  position = std::clamp(position, 0.0, last);
  tap.low = static_cast<int64_t>(std::floor(position));
  tap.weight = static_cast<float>(position - std::floor(position));
  return tap;
}

// New voxel x stands where voxel offset + step * x stood, axis by axis.
ScanGrid stepped(const ScanGrid& grid, const dataio::Shape3& shape,
                 const std::array<double, 3>& offset,
                 const std::array<double, 3>& step) {
  ScanGrid result = {shape, grid.affine};
  for (auto& row : result.affine) {
    for (size_t c = 0; c < 3; ++c) {
      row[3] += row[c] * offset[c];
      row[c] *= step[c];
    }
  }
  return result;
}

}  // namespace

ScanGrid part_of(const ScanGrid& grid, const dataio::Shape3& start,
                 const dataio::Shape3& shape) {
  return stepped(grid, shape,
                 {static_cast<double>(start[0]), static_cast<double>(start[1]),
                  static_cast<double>(start[2])},
                 {1.0, 1.0, 1.0});
}

ScanGrid divided(const ScanGrid& grid, const dataio::Shape3& shape) {
  std::array<double, 3> offset{};
  std::array<double, 3> step{};
  for (size_t i = 0; i < 3; ++i) {
    step[i] =
        static_cast<double>(grid.shape[i]) / static_cast<double>(shape[i]);
    offset[i] = 0.5 * step[i] - 0.5;
  }
  return stepped(grid, shape, offset, step);
}

dataio::Affine voxel_map(const ScanGrid& from, const ScanGrid& to,
                         const std::string& origin) {
  if (from.affine == to.affine) {
    return {{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}};
  }
  const dataio::Affine back = inverse(to.affine, origin);
  dataio::Affine map{};
  for (size_t r = 0; r < 3; ++r) {
    for (size_t c = 0; c < 4; ++c) {
      map[r][c] = c == 3 ? back[r][3] : 0.0;
      for (size_t k = 0; k < 3; ++k) {
        map[r][c] += back[r][k] * from.affine[k][c];
      }
    }
  }
  return map;
}

dataio::Shape3 GridMap::turned_shape() const {
  dataio::Shape3 shape;
  for (size_t i = 0; i < 3; ++i) {
    shape[i] = static_cast<int64_t>(taps[i].size());
  }
  return shape;
}

GridMap map_grid(const ScanGrid& target, const ScanGrid& source,
                 const std::string& origin) {
  const dataio::Affine map = voxel_map(target, source, origin);
  std::array<size_t, 3> axis{};
  std::array<bool, 3> reversed{};
  GridMap result;
  for (size_t i = 0; i < 3; ++i) {
    axis[i] = parallel_axis(map, i, target, origin);
    const double step = map[i][axis[i]];
    reversed[i] = step < 0.0;
    const int64_t length = target.shape[axis[i]];
    for (int64_t x = 0; x < length; ++x) {
      const int64_t y = reversed[i] ? length - 1 - x : x;
      result.taps[i].push_back(
          tap_at(step * static_cast<double>(y) + map[i][3], source.shape[i]));
    }
  }
  if (axis[0] == axis[1] || axis[1] == axis[2] || axis[0] == axis[2]) {
    throw DataError(
        str_cat(origin, ": two axes of a grid run along one of the other's"));
  }
  result.to_source = dataio::Orientation(axis, reversed);
  return result;
}

void round_to_nearest(GridMap& map) {
  for (auto& axis : map.taps) {
    for (AxisTap& tap : axis) {
      tap.low += tap.weight >= 0.5F ? 1 : 0;
      tap.weight = 0.0F;
    }
  }
}

dataio::Orientation inverse_of(const dataio::Orientation& orientation) {
  std::array<size_t, 3> axis{};
  std::array<bool, 3> reversed{};
  for (size_t i = 0; i < 3; ++i) {
    axis[orientation.axis()[i]] = i;
    reversed[orientation.axis()[i]] = orientation.reversed()[i];
  }
  return {axis, reversed};
}

}  // namespace voxlift::trainer
