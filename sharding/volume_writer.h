#pragma once
// Writes one shard file of scans. Format: docs/shard_format.md.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "dataio/scan.h"
#include "sharding/h5.h"
#include "sharding/shard_writer.h"
#include "sharding/volume_index.h"
#include "sharding/voxel_chunk.h"

namespace voxlift::sharding {

// Streams scans into `path`.tmp; finish() makes it `path`, atomically and
// durably. Memory: the index and one chunk. One thread.
class VolumeWriter {
 public:
  // Has masks: every scan brings one. `files` must outlive it. Throws IoError.
  VolumeWriter(std::string path, const ShardHeader& header, bool has_mask,
               Files& files);
  // Without finish(): removes the temporary file.
  ~VolumeWriter();
  VolumeWriter(const VolumeWriter&) = delete;
  VolumeWriter& operator=(const VolumeWriter&) = delete;

  // Voxels must be finite (DataError naming `id` otherwise). Throws IoError.
  void append(const dataio::Scan& scan, int64_t label, const std::string& id,
              const std::string& subject);

  // Writes the index, fsyncs, renames, fsyncs the folder. Returns the
  // index_crc32c; there must be a scan. Throws IoError.
  uint32_t finish();

  const VolumeIndex& index() const { return index_; }

  int64_t num_bytes() const { return num_bytes_; }

 private:
  void append_facts(const dataio::Scan& scan, int64_t label,
                    const std::string& id, const std::string& subject);
  template <typename Stored, typename T>
  void write_voxels(const char* group, std::span<const T> voxels,
                    ChunkTable& table);
  bool is_at(int64_t offset, std::span<const std::byte> stored);
  void count_foreground(std::span<const uint8_t> mask);
  uint32_t write_index();

  std::string path_;
  std::string temporary_;
  Files& files_;
  std::optional<H5File> file_;
  VolumeIndex index_;
  ChunkEncoder encoder_;
  int64_t num_bytes_ = 0;
  int64_t end_ = 0;  // Of the last chunk, within the file.
  std::optional<FileDescriptor> written_;
  std::vector<std::byte> found_;
};

}  // namespace voxlift::sharding
