#pragma once
// Reads scans, or parts of them, from one shard file. Format:
// docs/shard_format.md.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataio/volume_source.h"
#include "sharding/shard.h"
#include "sharding/volume_index.h"

namespace voxlift::sharding {

// Random access to the chunks of one shard, by pread(2).
class VolumeReader : public Shard {
 public:
  // Errors: as open_shard().
  explicit VolumeReader(const std::string& path);

  const VolumeIndex& index() const { return index_; }

  const std::vector<int64_t>& labels() const override { return index_.label; }

  const std::vector<std::string>& ids() const override { return index_.id; }

  int64_t num_bytes() const override { return num_bytes_; }

  int64_t check_sample(int64_t i) const override;
  uint64_t content_key(int64_t i) const override;
  uint32_t add_fingerprint(uint32_t crc) const override;

  // Scan `i`, of which parts can be read: a read touches only the chunks that
  // it needs, checks and inflates them on the calling thread. The reader must
  // outlive it. `verify_checksums`: compare each chunk's CRC-32C.
  std::unique_ptr<dataio::VolumeSource> volume(
      int64_t i, bool verify_checksums = true) const;

  // First element of sample i's chunks in the tables.
  int64_t first_chunk(int64_t i) const {
    return starts_.chunk[static_cast<size_t>(i)];
  }

  int64_t first_box(int64_t i) const {
    return starts_.box[static_cast<size_t>(i)];
  }

  // Reads chunks first .. last - 1 of `table`, those that follow each other in
  // the file at once, and gives each to `visit`. `buffer` is working memory.
  // Throws IoError.
  using VisitStored =
      std::function<void(int64_t chunk, std::span<const std::byte> stored)>;
  void read_run(const ChunkTable& table, int64_t first, int64_t last,
                std::vector<std::byte>& buffer, const VisitStored& visit) const;

 private:
  void read_arrays(const H5Group& root);
  void check_arrays();
  void check_sample_arrays(int64_t i) const;
  void check_foreground(int64_t i) const;
  void check_table(const ChunkTable& table, const char* name) const;
  void check_layout(const H5Group& root, const char* group,
                    const ChunkTable& table, int64_t i) const;

  VolumeIndex index_;
  VolumeStarts starts_;
  int64_t num_bytes_ = 0;
};

}  // namespace voxlift::sharding
