#pragma once
// What a shard knows of its samples without their bytes.

#include <cstdint>
#include <string>
#include <vector>

namespace voxlift::sharding {

// One element per sample in every array.
struct ShardIndex {
  std::vector<int64_t> offset;   // First byte within /bytes.
  std::vector<int64_t> length;   // Bytes.
  std::vector<int64_t> label;    // Position in the data set's classes.
  std::vector<uint32_t> crc32c;  // Of the sample's bytes.
  std::vector<std::string> id;   // Path below the packed folder.

  int64_t num_samples() const { return static_cast<int64_t>(offset.size()); }
};

// The shard's index_crc32c: CRC-32C over the little-endian elements of /offset,
// /length, /label and /crc32c, then over each id followed by one NUL.
uint32_t index_crc32c(const ShardIndex& index);

}  // namespace voxlift::sharding
