#include "sharding/dataset_check.h"

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "sharding/shard_format.h"

namespace voxlift::sharding {
namespace {

template <typename T>
void check_same(const T& in_shard, const T& in_index, const char* what,
                const std::string& path) {
  if (in_shard != in_index) {
    throw DataError(str_cat("'", path, "': ", what, " is ", in_shard, ", but ",
                            kIndexFile, " says ", in_index));
  }
}

}  // namespace

std::unique_ptr<Shard> open_listed_shard(const std::string& dir,
                                         const ShardEntry& entry) {
  const std::string path = join_path(dir, entry.file);
  if (!RealFiles().exists(path)) {
    throw DataError(str_cat("'", join_path(dir, kIndexFile), "' lists shard '",
                            entry.file, "', which does not exist"));
  }
  return open_shard(path);
}

void check_shard(const Shard& shard, const DatasetIndex& index,
                 const ShardEntry& entry) {
  const std::string& path = shard.path();
  check_same(std::string(dataio::modality_name(shard.modality())),
             std::string(dataio::modality_name(index.modality)), "modality",
             path);
  check_same(shard.num_samples(), entry.num_samples, "the number of samples",
             path);
  check_same(shard.num_bytes(), entry.bytes, "the number of stored bytes",
             path);
  check_same("0x" + hex(shard.index_crc(), 8),
             "0x" + hex(entry.index_crc32c, 8), "the index checksum", path);
  check_file_length(path, shard.file_bytes(), entry);
}

void check_file_length(const std::string& path, int64_t bytes,
                       const ShardEntry& entry) {
  if (entry.file_bytes >= 0) {
    check_same(bytes, entry.file_bytes, "the length of the file", path);
  }
}

void check_file_crc(const std::string& path, uint32_t crc,
                    const ShardEntry& entry) {
  if (entry.file_crc32c >= 0) {
    const auto wanted = static_cast<uint32_t>(entry.file_crc32c);
    check_same(crc_text(crc), crc_text(wanted), "the checksum of the file",
               path);
  }
}

void check_whole_file(const std::string& path, const ShardEntry& entry) {
  if (entry.file_crc32c >= 0) {
    check_file_crc(path, checksum_file(path).crc32c, entry);
  }
}

SampleCensus::SampleCensus(const DatasetIndex& index)
    : index_(index), counts_(index.classes.size(), 0) {
  seen_.reserve(static_cast<size_t>(index.num_samples()));
}

void SampleCensus::add(const Shard& shard, int64_t i) {
  const auto position = static_cast<size_t>(i);
  const int64_t label = shard.labels()[position];
  if (label < 0 || label >= static_cast<int64_t>(counts_.size())) {
    throw DataError(str_cat(shard.describe(i), ": label is ", label,
                            ", but there are ", counts_.size(), " classes"));
  }
  ++counts_[static_cast<size_t>(label)];
  const std::string& id = shard.ids()[position];
  seen_.push_back({std::hash<std::string>()(id), &shard, i});
}

void SampleCensus::check_ids() {
  // Stable: the second mention is the one that is named.
  std::stable_sort(
      seen_.begin(), seen_.end(),
      [](const Seen& a, const Seen& b) { return a.hash < b.hash; });
  const auto id_of = [](const Seen& seen) -> const std::string& {
    return seen.shard->ids()[static_cast<size_t>(seen.sample)];
  };
  for (size_t i = 1; i < seen_.size(); ++i) {
    for (size_t k = i; k > 0 && seen_[k - 1].hash == seen_[i].hash; --k) {
      if (id_of(seen_[k - 1]) == id_of(seen_[i])) {
        throw DataError(str_cat(seen_[i].shard->describe(seen_[i].sample),
                                ": its id occurs twice"));
      }
    }
  }
}

void SampleCensus::check_counts(const std::string& index_path) const {
  for (size_t c = 0; c < counts_.size(); ++c) {
    if (counts_[c] != index_.samples_per_class[c]) {
      throw DataError(str_cat("'", index_path, "': class '", index_.classes[c],
                              "' has ", index_.samples_per_class[c],
                              " samples, but the shards hold ", counts_[c]));
    }
  }
}

}  // namespace voxlift::sharding
