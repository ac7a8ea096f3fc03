#pragma once
// Reads photographs from one shard file. Format: docs/shard_format.md.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sharding/shard.h"
#include "sharding/shard_index.h"

namespace voxlift::sharding {

// Random access to the encoded bytes of one shard of photographs, by pread(2).
class ShardReader : public Shard {
 public:
  // Checks format, version, sizes and index; reads no sample.
  // Errors: as open_shard().
  explicit ShardReader(const std::string& path);

  const ShardIndex& index() const { return index_; }

  const std::vector<int64_t>& labels() const override { return index_.label; }

  const std::vector<std::string>& ids() const override { return index_.id; }

  // Length of /bytes.
  int64_t num_bytes() const override { return num_bytes_; }

  int64_t check_sample(int64_t i) const override;
  void will_need(int64_t i) const override;
  uint64_t content_key(int64_t i) const override;
  uint32_t add_fingerprint(uint32_t crc) const override;

  // Encoded bytes of sample `i` in [0, num_samples()). Throws IoError, or
  // DataError naming describe(i) and both checksums.
  [[nodiscard]] std::vector<std::byte> read(int64_t i,
                                            bool verify_checksum) const;

  // Likewise, into memory that is used again.
  void read(int64_t i, bool verify_checksum,
            std::vector<std::byte>& bytes) const;

 private:
  void read_arrays(const H5Group& root);
  void check_index() const;
  void check_sample_place(size_t i) const;

  ShardIndex index_;
  int64_t bytes_offset_ = 0;  // Of /bytes within the file.
  int64_t num_bytes_ = 0;
};

}  // namespace voxlift::sharding
