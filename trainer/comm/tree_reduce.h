#pragma once
// Sums over the binary tree of slots: the same bits on any number of ranks.

#include <functional>

#include "trainer/comm/communicator.h"

namespace voxlift::trainer {

// Memory of the kind that the communicator serves, and how to add in it.
struct TreeArithmetic {
  // to[i] += from[i]; both float32, both float64 or both int64.
  std::function<void(Buffer to, Buffer from)> add;
  // Scratch of at least `bytes`; may be the same memory on each call.
  std::function<void*(int64_t bytes)> scratch;
};

// COLLECTIVE. Every rank's buffer becomes the sum over all ranks, added as the
// balanced binary tree whose leaves are the ranks in order: ((0+1)+(2+3))+...
// A rank that has summed its own slots by the same rule (SlotTree) makes the
// whole a tree over slots, which does not depend on the number of ranks;
// addition is commutative, so both partners of a pair get the same bits.
//
// Algorithm: recursive halving of the vector with doubling distance, then
// recursive doubling back (Rabenseifner, "Optimization of collective reduction
// operations", ICCS 2004, DOI 10.1007/978-3-540-24685-5_1; there the distance
// halves, which would be another tree).
// Cost: 2 log2(n) exchanges, 2 (n-1)/n of the bytes each way.
//
// `first_distance` > 1: only the levels from there on, among the ranks that
// have rank % first_distance in common; their buffers hold the sums below.
//
// Throws InternalError unless size() is a power of two.
void tree_all_reduce(Communicator& comm, Buffer buffer,
                     const TreeArithmetic& arithmetic, int first_distance = 1);

// For host memory.
TreeArithmetic host_arithmetic();

}  // namespace voxlift::trainer
