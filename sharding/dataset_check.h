#pragma once
// What must hold between index.json and its shards. Shared by Dataset, which
// stops at the first breach, and verify, which collects them all.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "sharding/dataset_index.h"
#include "sharding/shard.h"

namespace voxlift::sharding {

// Opens the shard of `entry`. Throws DataError if it is missing or damaged, as
// open_shard(path) does.
std::unique_ptr<Shard> open_listed_shard(const std::string& dir,
                                         const ShardEntry& entry);

// Throws DataError unless modality, counts and checksum are those of `entry`.
void check_shard(const Shard& shard, const DatasetIndex& index,
                 const ShardEntry& entry);

// Throw DataError unless the file at `path`, which has these bytes, is the one
// of `entry`, where that knows its length and checksum.
void check_file_length(const std::string& path, int64_t bytes,
                       const ShardEntry& entry);
void check_file_crc(const std::string& path, uint32_t crc,
                    const ShardEntry& entry);

// Throws DataError unless every byte of the file, used or not, is as packed;
// nothing is known where the index has no file_crc32c. Cost: reads it once.
void check_whole_file(const std::string& path, const ShardEntry& entry);

// Sees every sample of a data set once: labels within the classes, no id
// twice. The shards must outlive it.
class SampleCensus {
 public:
  explicit SampleCensus(const DatasetIndex& index);

  // Throws DataError naming the sample.
  void add(const Shard& shard, int64_t i);

  // After the last sample. Throws DataError naming the class and both counts.
  void check_counts(const std::string& index_path) const;

 private:
  const DatasetIndex& index_;
  std::vector<int64_t> counts_;
  std::unordered_set<std::string_view> ids_;
};

}  // namespace voxlift::sharding
