#pragma once
// What all opened shards have in common, whatever their samples are.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "dataio/manifest.h"
#include "sharding/h5.h"

namespace voxlift::sharding {

// Threads: any number may read at once; HDF5 is used while opening only.
class Shard {
 public:
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  virtual ~Shard() = default;

  const std::string& path() const { return file_.path(); }

  dataio::Modality modality() const { return modality_; }

  const std::string& plan_digest() const { return plan_digest_; }

  // As stored, and equal to what the index gives.
  uint32_t index_crc() const { return index_crc_; }

  int64_t num_samples() const { return static_cast<int64_t>(labels().size()); }

  virtual const std::vector<int64_t>& labels() const = 0;
  virtual const std::vector<std::string>& ids() const = 0;

  // Whom sample `i` shows, where that is stored; else its id.
  virtual const std::string& subject(int64_t i) const;

  // Length of the file. Throws IoError.
  int64_t file_bytes() const;

  // Stored bytes of all samples.
  virtual int64_t num_bytes() const = 0;

  // Reads sample `i` and compares its checksums; returns its stored bytes.
  // Throws DataError naming describe(i) and both values, IoError.
  virtual int64_t check_sample(int64_t i) const = 0;

  // Has the system fetch the bytes of sample `i` meanwhile, without waiting. A
  // hint: nothing happens where samples are read in parts.
  virtual void will_need(int64_t i) const;

  // Equal for equal contents, and hardly ever otherwise; see duplicates.h.
  virtual uint64_t content_key(int64_t i) const = 0;

  // Chains what identifies the samples onto `crc`.
  virtual uint32_t add_fingerprint(uint32_t crc) const = 0;

  // "train/n01440764/x.JPEG (shard shard-00000.h5, sample 17)".
  std::string describe(int64_t i) const;

 protected:
  // Opens the file; derived classes read the rest from `root`.
  explicit Shard(const std::string& path);

  // Checks format, version and modality. Throws DataError.
  void read_header(const H5Group& root, dataio::Modality modality);

  // Throws DataError unless `crc` is the stored index_crc32c.
  void check_index_crc(uint32_t crc) const;

  const FileDescriptor& file() const { return file_; }

 private:
  FileDescriptor file_;
  dataio::Modality modality_ = dataio::Modality::kPhotograph;
  std::string plan_digest_;
  uint32_t index_crc_ = 0;
};

// Opens a shard of either modality. Throws IoError if the file cannot be
// opened, DataError naming file, object and both values if it is not a shard,
// is newer than this program, is cut short, or if its index is damaged or
// points outside of the file.
std::unique_ptr<Shard> open_shard(const std::string& path);

// Reads a dataset of sample ids or the like. Throws DataError if they are wider
// than kMaxIdBytes.
std::vector<std::string> read_names(const H5Group& root, const char* name,
                                    int64_t max_samples);

// CRC-32C of a whole file, and its length. Cost: reads it once, in pieces.
struct FileChecksum {
  int64_t bytes = 0;
  uint32_t crc32c = 0;
};

FileChecksum checksum_file(const std::string& path);  // Throws IoError.

std::string crc_text(uint32_t crc);  // "0x0123abcd".

}  // namespace voxlift::sharding
