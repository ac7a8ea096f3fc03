#pragma once
// One scan of a shard, read part by part.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "dataio/volume_source.h"
#include "sharding/volume_reader.h"

namespace voxlift::sharding {

// The VolumeSource of VolumeReader::volume(). Any thread.
class StoredVolume : public dataio::VolumeSource {
 public:
  StoredVolume(const VolumeReader& shard, int64_t sample,
               bool verify_checksums);

  const dataio::VolumeFacts& facts() const override { return facts_; }

  std::string describe() const override { return shard_.describe(sample_); }

  // Cost: the chunks that `box` touches are read and inflated, each once.
  void read_image(const dataio::VoxelBox& box,
                  std::span<float> out) const override;
  void read_mask(const dataio::VoxelBox& box,
                 std::span<uint8_t> out) const override;

  // Cost: one chunk.
  dataio::Shape3 foreground_voxel(int64_t k) const override;

  // Reads and checks every chunk; returns the stored bytes. Throws DataError.
  int64_t check() const;

 private:
  // A chunk's shuffled planes and which voxels it holds.
  using VisitChunk = std::function<void(std::span<const std::byte> planes,
                                        const dataio::VoxelBox& voxels)>;

  // Calls `visit` for each chunk that `box` touches.
  void visit_chunks(const ChunkTable& table, VoxelStorage storage,
                    const dataio::VoxelBox& box, const VisitChunk& visit) const;
  void check_chunk(const ChunkTable& table, size_t chunk,
                   std::span<const std::byte> stored) const;
  void read_facts();
  void read_boxes();

  const VolumeReader& shard_;
  int64_t sample_;
  bool verify_checksums_;
  dataio::Shape3 chunk_;
  dataio::Shape3 grid_;
  VoxelStorage storage_;
  dataio::VolumeFacts facts_;
};

}  // namespace voxlift::sharding
