#pragma once
// index.json: which shards make a packed data set. Format:
// docs/shard_format.md.

#include <cstdint>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "dataio/manifest.h"

namespace voxlift::sharding {

struct ShardEntry {
  std::string file;  // Name in the folder of index.json.
  int64_t num_samples = 0;
  int64_t bytes = 0;  // Stored bytes of its samples.
  uint32_t index_crc32c = 0;
  // Of the whole file; -1 in both: not known, as in an index of another writer.
  int64_t file_bytes = -1;
  int64_t file_crc32c = -1;
};

struct DatasetIndex {
  dataio::Modality modality = dataio::Modality::kPhotograph;
  std::vector<std::string> classes;  // Position = label.
  std::vector<int64_t> samples_per_class;
  // As dataio::Manifest; only of scans.
  std::vector<std::string> mask_classes;
  std::vector<std::string> box_classes;
  // The steps that the scans passed before they were stored.
  std::string recipe;
  std::vector<ShardEntry> shards;  // In the order of sample ids.
  std::string plan_digest;

  int64_t num_samples() const;
};

Json index_to_json(const DatasetIndex& index);

// Reads `dir`/index.json. Throws IoError, or DataError naming the file, the
// member and both values if it is no index, is newer than this program, or
// contradicts itself.
DatasetIndex read_dataset_index(const std::string& dir, const Files& files);

// True for a name such as "a.h5": no folder, not hidden.
bool is_plain_file_name(const std::string& name);

}  // namespace voxlift::sharding
