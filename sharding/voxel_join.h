#pragma once
// From the byte planes of a chunk to the voxels of a box.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sharding/voxel_chunk.h"

namespace voxlift::sharding {

// The voxels that two arrays share, a box in each: the element it begins with,
// and how many elements on the next row and the next slice of it begin.
struct SharedBox {
  struct Place {
    size_t first = 0;
    size_t row = 0;
    size_t slice = 0;
  };

  std::array<size_t, 3> size{};  // Depth, height, width.
  Place from;
  Place to;
};

// Joins the voxels of `shared` that lie in a chunk, whose shuffled planes are
// given, straight into their places in `out`: nothing else of the chunk is
// touched. Both must hold the box (InternalError).
void join_planes(std::span<const std::byte> planes, VoxelStorage storage,
                 const SharedBox& shared, std::span<float> out);

// The same of a chunk of bytes that stay bytes, as masks are.
void copy_bytes(std::span<const std::byte> plane, const SharedBox& shared,
                std::span<uint8_t> out);

}  // namespace voxlift::sharding
