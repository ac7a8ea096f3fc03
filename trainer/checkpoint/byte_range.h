#pragma once
// Which bytes of a checkpoint's file a rank writes.

#include <cstdint>

namespace voxlift::trainer {

struct ByteRange {
  int64_t begin = 0;
  int64_t end = 0;

  int64_t size() const { return end - begin; }

  bool empty() const { return begin == end; }
};

// What both have in common; empty where that is nothing.
ByteRange common(const ByteRange& a, const ByteRange& b);

// The part of rank `rank`, of `num_ranks`, in a file of `file_bytes`: parts
// follow each other in rank order, cover the file, begin at multiples of
// `align_bytes` and differ by at most that. Rank 0 has bytes wherever a rank
// has. Hosts that write to a network file system must not share a page of it:
// each would write back its own copy of the whole page.
ByteRange share_of_rank(int64_t file_bytes, int rank, int num_ranks,
                        int64_t align_bytes);

}  // namespace voxlift::trainer
