#pragma once
// What a shard of volumes knows of its samples without their voxels.

#include <cstdint>
#include <string>
#include <vector>

#include "dataio/volume_source.h"
#include "sharding/voxel_chunk.h"

namespace voxlift::sharding {

// Where chunks lie, one element per chunk. Those of a sample follow each other
// in the order of its grid, the last axis fastest.
struct ChunkTable {
  std::vector<int64_t> offset;   // Of the stored bytes within the file.
  std::vector<int64_t> length;   // Stored bytes.
  std::vector<uint32_t> crc32c;  // Of the stored bytes.
};

// The arrays of a shard: flat, rows one after the other. N samples, M boxes.
struct VolumeIndex {
  bool has_mask = false;
  std::vector<std::string> id;       // (N)
  std::vector<std::string> subject;  // (N)
  std::vector<int64_t> label;        // (N)
  std::vector<int64_t> storage;      // (N), VoxelStorage of the image.
  std::vector<int64_t> shape;        // (N, 3)
  std::vector<int64_t> chunk;        // (N, 3), sides; at most the shape's.
  std::vector<double> spacing_mm;    // (N, 3)
  std::vector<double> affine;        // (N, 3, 4)
  std::vector<double> moments;       // (N, 4): mean, std, min, max.
  std::vector<int64_t> key_slice;    // (N)
  std::vector<int64_t> num_boxes;    // (N)
  std::vector<double> box;           // (M, 6): low and high, D, H, W each.
  std::vector<int64_t> box_label;    // (M)
  ChunkTable image;
  ChunkTable mask;                       // Empty: there are no masks.
  std::vector<int64_t> mask_foreground;  // Per chunk: voxels above 0.

  int64_t num_samples() const { return static_cast<int64_t>(label.size()); }

  dataio::Shape3 shape_of(int64_t i) const;
  dataio::Shape3 chunk_of(int64_t i) const;
  // Chunks per axis, ragged ones included.
  dataio::Shape3 grid_of(int64_t i) const;
  int64_t num_chunks_of(int64_t i) const;
};

// Where each sample's chunks and boxes begin in the tables; one more element
// than there are samples, the last one the total.
struct VolumeStarts {
  std::vector<int64_t> chunk;
  std::vector<int64_t> box;
};

VolumeStarts find_starts(const VolumeIndex& index);

// Calls visit(name, array, columns) for each numeric array in the order in
// which they are checksummed. The one list of what a shard of volumes holds.
template <typename Index, typename Visit>
void visit_arrays(Index& index, const Visit& visit) {
  visit("label", index.label, 1);
  visit("storage", index.storage, 1);
  visit("shape", index.shape, 3);
  visit("chunk", index.chunk, 3);
  visit("spacing_mm", index.spacing_mm, 3);
  visit("affine", index.affine, 12);
  visit("moments", index.moments, 4);
  visit("key_slice", index.key_slice, 1);
  visit("num_boxes", index.num_boxes, 1);
  visit("box", index.box, 6);
  visit("box_label", index.box_label, 1);
  visit("image_offset", index.image.offset, 1);
  visit("image_length", index.image.length, 1);
  visit("image_crc32c", index.image.crc32c, 1);
  if (index.has_mask) {
    visit("mask_offset", index.mask.offset, 1);
    visit("mask_length", index.mask.length, 1);
    visit("mask_crc32c", index.mask.crc32c, 1);
    visit("mask_foreground", index.mask_foreground, 1);
  }
}

// Calls visit(first voxel) for each chunk of a volume, the last axis fastest.
template <typename Visit>
void for_each_chunk(const dataio::Shape3& shape, const dataio::Shape3& chunk,
                    const Visit& visit) {
  for (int64_t d = 0; d < shape[0]; d += chunk[0]) {
    for (int64_t h = 0; h < shape[1]; h += chunk[1]) {
      for (int64_t w = 0; w < shape[2]; w += chunk[2]) {
        visit(dataio::Shape3{d, h, w});
      }
    }
  }
}

// The shard's index_crc32c: CRC-32C over the little-endian elements of all
// arrays of visit_arrays(), then over each id and each subject, all followed by
// one NUL.
uint32_t index_crc32c(const VolumeIndex& index);

}  // namespace voxlift::sharding
