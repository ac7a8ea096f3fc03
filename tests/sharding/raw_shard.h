#pragma once
// Shards as an enemy writes them: any field may be wrong.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sharding/shard_index.h"

namespace voxlift::test {

struct RawShard {
  std::string format = "voxlift-shard";
  int64_t version = 1;
  std::string modality = "photograph";
  std::string bytes = "aaaabbbbcccc";
  sharding::ShardIndex index;
  // The stored index_crc32c where it is not the right one.
  std::optional<uint32_t> index_crc32c;
  // A root dataset that is left out.
  std::string without;

  // Three good samples of four bytes, labels 0, 1, 2.
  RawShard();
};

void write_raw_shard(const std::string& path, const RawShard& shard);

// index.json over one shard "shard-00000.h5" with that content.
void write_raw_index(const std::string& dir, const RawShard& shard);

// Both, into `dir`.
void write_raw_dataset(const std::string& dir, const RawShard& shard);

}  // namespace voxlift::test
