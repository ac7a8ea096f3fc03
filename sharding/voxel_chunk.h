#pragma once
// The bytes of one chunk of voxels: what HDF5's filters shuffle and deflate
// make and read, made and read by ourselves, outside of its global lock.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace voxlift::sharding {

// How voxels are stored.
enum class VoxelStorage : int64_t { kUint8 = 0, kInt16 = 1, kFloat32 = 2 };

int64_t storage_bytes(VoxelStorage storage);  // Of one voxel: 1, 2, 4.

// The smallest storage that holds every voxel exactly.
VoxelStorage choose_storage(std::span<const float> voxels);

// Shuffles elements of `element_bytes` (all first bytes, then all second bytes,
// ...) and deflates the result to a zlib stream. Leading byte planes that would
// not shrink by half, the noise in the low bits of a scan, are put into
// stored blocks: the stream grows by a few percent and inflates several times
// faster, with any zlib.
class ChunkEncoder {
 public:
  ChunkEncoder();
  ~ChunkEncoder();
  ChunkEncoder(const ChunkEncoder&) = delete;
  ChunkEncoder& operator=(const ChunkEncoder&) = delete;

  // The result is valid until the next call.
  std::span<const std::byte> encode(std::span<const std::byte> elements,
                                    int64_t element_bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One thread.
class ChunkDecoder {
 public:
  ChunkDecoder();
  ~ChunkDecoder();
  ChunkDecoder(const ChunkDecoder&) = delete;
  ChunkDecoder& operator=(const ChunkDecoder&) = delete;

  // Inflates to `planes`, the shuffled elements. False if the stream is damaged
  // or does not fill them exactly.
  [[nodiscard]] bool inflate(std::span<const std::byte> stored,
                             std::span<std::byte> planes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace voxlift::sharding
