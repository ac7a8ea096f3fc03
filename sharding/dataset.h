#pragma once
// A packed data set: an index and its shards, read by sample id.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataio/manifest.h"
#include "dataio/volume_source.h"
#include "sharding/stage.h"

namespace voxlift::sharding {

struct DatasetConfig {
  // Compare each sample's CRC-32C with the stored one on every read. Costs one
  // pass over the encoded bytes, far less than decoding them.
  bool verify_checksums = true;
  // Where copies of the shards are kept on a local disk.
  StageConfig stage;
};

// Random access to encoded samples. Sample ids run over the shards in index
// order: 0 .. num_samples() - 1.
//
// Threads: any number may read at once; bytes come by pread(2), outside HDF5.
class Dataset {
 public:
  // `dir` holds index.json. Opens every shard through HDF5 once, checks it
  // against the index, keeps the index in memory: 28 B a photograph, 232 B a
  // scan and 20 B a chunk of it (48 B with a mask), and the ids. With a stage,
  // shards are copied there first. Throws IoError, or DataError naming file,
  // object and both values.
  Dataset(const std::string& dir, const DatasetConfig& config);
  ~Dataset();

  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;
  Dataset(Dataset&&) noexcept;
  Dataset& operator=(Dataset&&) noexcept;

  int64_t num_samples() const;
  dataio::Modality modality() const;
  const std::vector<std::string>& classes() const;

  // Names of the values in the masks, 0 the background; empty: no masks.
  const std::vector<std::string>& mask_classes() const;

  // Names of the labels of boxes; empty: no boxes.
  const std::vector<std::string>& box_classes() const;

  // The steps that the scans passed before they were stored, as text.
  const std::string& recipe() const;

  int64_t label(int64_t id) const;

  // "train/n01440764/x.JPEG (shard train-00000.h5, sample 17)", for messages.
  std::string describe(int64_t id) const;

  // The source id, the path below the packed folder.
  const std::string& source_id(int64_t id) const;

  // Whom the sample shows, where that is stored; else its source id.
  const std::string& subject(int64_t id) const;

  // The encoded bytes of a photograph. Throws IoError, or DataError naming
  // describe(id) and both checksums.
  [[nodiscard]] std::vector<std::byte> read(int64_t id) const;

  // Likewise, into memory that is used again.
  void read(int64_t id, std::vector<std::byte>& bytes) const;

  // Has the system fetch the bytes of a photograph meanwhile, without waiting;
  // nothing happens for a scan, of which only parts are read.
  void will_need(int64_t id) const;

  // A scan of which parts can be read; needs the modality volume. The data set
  // must outlive it.
  [[nodiscard]] std::unique_ptr<dataio::VolumeSource> volume(int64_t id) const;

  // Changes when any sample, label or class does: CRC-32C over the index and
  // every shard's checksums and labels. Stored in checkpoints.
  uint32_t fingerprint() const;

 private:
  struct Impl;  // Keeps <hdf5.h> out of this header.
  std::unique_ptr<Impl> impl_;
};

}  // namespace voxlift::sharding
