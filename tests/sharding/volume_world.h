#pragma once
// Made scans, packed.

#include <cstdint>
#include <string>
#include <vector>

#include "base/files.h"
#include "dataio/scan.h"
#include "tests/support/temp_dir.h"

namespace voxlift::test {

// A scan whose voxels tell where they are: value of voxel i is noise below 64
// plus a smooth part, all integers. With a mask: 0, 1, 2 in slabs along W.
dataio::Scan made_scan(const dataio::Shape3& shape, uint64_t seed,
                       bool has_mask);

// Three scans of unequal shapes, the second with boxes, written as one shard.
struct VolumeShard {
  explicit VolumeShard(bool has_mask = true);

  std::string path() const { return temp.file("shard-00000.h5"); }

  std::vector<dataio::Scan> scans;
  TempDir temp;
  RealFiles files;
};

// The voxels of a box, straight from memory.
template <typename T>
std::vector<T> box_of(const std::vector<T>& voxels, const dataio::Shape3& shape,
                      const dataio::VoxelBox& box) {
  std::vector<T> out;
  for (int64_t d = 0; d < box.size[0]; ++d) {
    for (int64_t h = 0; h < box.size[1]; ++h) {
      for (int64_t w = 0; w < box.size[2]; ++w) {
        const int64_t row = (box.start[0] + d) * shape[1] + box.start[1] + h;
        out.push_back(
            voxels[static_cast<size_t>(row * shape[2] + box.start[2] + w)]);
      }
    }
  }
  return out;
}

}  // namespace voxlift::test
