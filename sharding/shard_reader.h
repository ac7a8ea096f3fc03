#pragma once
// Reads samples from one shard file. Format: docs/shard_format.md.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "dataio/manifest.h"
#include "dataio/volume_source.h"
#include "sharding/shard_index.h"

namespace voxlift::sharding {

// Random access to the encoded bytes of one shard.
//
// Threads: any number may read at once. HDF5 is used by the constructor only;
// bytes come by pread(2).
class ShardReader {
 public:
  // Checks format, version, sizes and index; reads no sample.
  // Throws IoError if the file cannot be opened, DataError naming file, object
  // and both values if it is not a shard, is newer than this program, is cut
  // short, or if its index is damaged or points outside of /bytes.
  explicit ShardReader(const std::string& path);

  const std::string& path() const { return file_.path(); }

  dataio::Modality modality() const { return modality_; }

  const std::string& plan_digest() const { return plan_digest_; }

  const ShardIndex& index() const { return index_; }

  int64_t num_samples() const { return index_.num_samples(); }

  // Length of /bytes.
  int64_t num_bytes() const { return num_bytes_; }

  // As stored, and equal to what the index gives.
  uint32_t index_crc() const { return index_crc_; }

  // "train/n01440764/x.JPEG (shard shard-00000.h5, sample 17)".
  std::string describe(int64_t i) const;

  // Encoded bytes of sample `i` in [0, num_samples()). Throws IoError, or
  // DataError naming describe(i) and both checksums.
  [[nodiscard]] std::vector<std::byte> read(int64_t i,
                                            bool verify_checksum) const;

  // Likewise, into memory that is used again.
  void read(int64_t i, bool verify_checksum,
            std::vector<std::byte>& bytes) const;

  // Scan `i` of a shard of volumes.
  std::unique_ptr<dataio::VolumeSource> volume(int64_t i) const;

 private:
  void read_header();
  void check_index() const;
  void check_sample(size_t i) const;

  FileDescriptor file_;
  dataio::Modality modality_ = dataio::Modality::kPhotograph;
  std::string plan_digest_;
  ShardIndex index_;
  uint32_t index_crc_ = 0;
  int64_t bytes_offset_ = 0;  // Of /bytes within the file.
  int64_t num_bytes_ = 0;
};

}  // namespace voxlift::sharding
