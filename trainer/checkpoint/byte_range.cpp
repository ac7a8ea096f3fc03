#include "trainer/checkpoint/byte_range.h"

#include <algorithm>

namespace voxlift::trainer {

ByteRange common(const ByteRange& a, const ByteRange& b) {
  const int64_t begin = std::max(a.begin, b.begin);
  return {begin, std::max(begin, std::min(a.end, b.end))};
}

ByteRange share_of_rank(int64_t file_bytes, int rank, int num_ranks,
                        int64_t align_bytes) {
  const int64_t units = (file_bytes + align_bytes - 1) / align_bytes;
  const auto begin_of = [&](int64_t r) {
    const int64_t unit = (r * units + num_ranks - 1) / num_ranks;
    return std::min(file_bytes, unit * align_bytes);
  };
  return {begin_of(rank), begin_of(rank + 1)};
}

}  // namespace voxlift::trainer
