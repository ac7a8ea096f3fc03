#pragma once
// Writes one shard file. Format: docs/shard_format.md.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/files.h"
#include "dataio/manifest.h"
#include "sharding/h5.h"
#include "sharding/shard_index.h"

namespace voxlift::sharding {

struct ShardHeader {
  dataio::Modality modality = dataio::Modality::kPhotograph;
  std::string plan_digest;  // Which plan it belongs to; see pack.h.
};

// Streams samples into `path`.tmp; finish() makes it `path`, atomically and
// durably. Memory: the index only, never the bytes. One thread.
class ShardWriter {
 public:
  // `num_bytes` is the sum of all samples' lengths, above 0. `files` must
  // outlive it. Throws IoError.
  ShardWriter(std::string path, const ShardHeader& header, int64_t num_bytes,
              Files& files);
  // Without finish(): removes the temporary file.
  ~ShardWriter();
  ShardWriter(const ShardWriter&) = delete;
  ShardWriter& operator=(const ShardWriter&) = delete;

  // Throws IoError; InternalError if more than num_bytes are given.
  void append(std::span<const std::byte> bytes, int64_t label,
              const std::string& id);

  // Writes the index, fsyncs, renames, fsyncs the folder. Returns the
  // index_crc32c. Throws IoError; InternalError if bytes are missing.
  uint32_t finish();

  const ShardIndex& index() const { return index_; }

 private:
  uint32_t write_index();

  std::string path_;
  std::string temporary_;
  int64_t num_bytes_;
  Files& files_;
  std::optional<H5File> file_;
  std::optional<H5Dataset> bytes_;
  ShardIndex index_;
  int64_t position_ = 0;
};

}  // namespace voxlift::sharding
