#pragma once
// Sums over the same elements in several ranks' memory.

#include <cstddef>
#include <cstdint>
#include <span>

#include "trainer/comm/communicator.h"

namespace voxlift::trainer {

// Elements of a vector.
struct ElementRange {
  int64_t begin = 0;
  int64_t end = 0;

  int64_t size() const { return end - begin; }
};

// Part `index` of `num_parts` nearly equal ones of `count` elements; borders
// lie between cache lines, so that short vectors have empty parts.
ElementRange part_of(int64_t count, DType dtype, int index, int num_parts);

// Sets the elements of `range` in every vector of `to` to their sum over
// `from`, added as a balanced tree: ((0+1)+(2+3))+..., of a number that is no
// power of two the largest such number first. `to` may hold vectors of `from`.
// float32, float64 and int64; one pass over the memory.
void sum_copies(std::span<std::byte* const> from,
                std::span<std::byte* const> to, ElementRange range,
                DType dtype);

}  // namespace voxlift::trainer
