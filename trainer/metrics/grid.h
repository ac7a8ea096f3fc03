#pragma once
// Masks on a regular grid: components and distances.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace voxlift::trainer {

// Depth, height, width; the last axis is contiguous.
struct Grid {
  std::array<int64_t, 3> shape = {1, 1, 1};
  std::array<double, 3> spacing_mm = {1.0, 1.0, 1.0};

  int64_t num_voxels() const { return shape[0] * shape[1] * shape[2]; }
};

enum class Neighbours { kFaces = 6, kAll = 26 };

struct Components {
  std::vector<int32_t> label;   // Per voxel: 0 outside, else 1 ...
  std::vector<int64_t> voxels;  // Of component i + 1, in order of first voxels.
};

// Connected components of the voxels that are not 0. Two passes with
// union-find.
Components connected_components(std::span<const uint8_t> mask, const Grid& grid,
                                Neighbours neighbours);

// Sets all but the largest component of the voxels that are not 0 to 0; of
// equally large ones the first stays.
void keep_largest_component(std::span<uint8_t> mask, const Grid& grid,
                            Neighbours neighbours);

// Voxels of the mask with a face neighbour outside; beyond the grid is outside.
std::vector<uint8_t> surface_of(std::span<const uint8_t> mask,
                                const Grid& grid);

// Squared distance in mm^2 from every voxel to the nearest one that is not 0;
// infinite where there is none. Exact. Source: Felzenszwalb and Huttenlocher,
// "Distance transforms of sampled functions", Theory of Computing 8 (2012),
// DOI 10.4086/toc.2012.v008a019.
std::vector<double> squared_distances(std::span<const uint8_t> mask,
                                      const Grid& grid);

}  // namespace voxlift::trainer
