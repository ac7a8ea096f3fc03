#pragma once
// What must hold between index.json and its shards. Shared by Dataset, which
// stops at the first breach, and verify, which collects them all.

#include <cstdint>
#include <memory>
#include <string>
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
// twice. The shards must outlive it. Memory: 24 B a sample; a table of the ids
// themselves would take most of the time of opening a million of them.
class SampleCensus {
 public:
  explicit SampleCensus(const DatasetIndex& index);

  // Throws DataError naming the sample if its label is not among the classes.
  void add(const Shard& shard, int64_t i);

  // After the last sample. Throws DataError naming the sample whose id was
  // there before.
  void check_ids();

  // After the last sample of all shards. Throws DataError naming the class and
  // both counts.
  void check_counts(const std::string& index_path) const;

 private:
  struct Seen {
    uint64_t hash;
    const Shard* shard;
    int64_t sample;
  };

  const DatasetIndex& index_;
  std::vector<int64_t> counts_;
  std::vector<Seen> seen_;
};

}  // namespace voxlift::sharding
