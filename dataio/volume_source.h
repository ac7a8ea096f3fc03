#pragma once
// A scan of which parts can be read: what the transforms of scans work on.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataio/box.h"
#include "dataio/volume.h"

namespace voxlift::dataio {

// Of all voxels of an image, in float64.
struct VoxelMoments {
  double mean = 0.0;
  double std = 0.0;  // Population.
  double min = 0.0;
  double max = 0.0;
};

struct VolumeFacts {
  Shape3 shape{};
  std::array<double, 3> spacing_mm{1.0, 1.0, 1.0};
  Affine affine = kIdentityAffine;
  VoxelMoments moments;
  bool has_mask = false;
  int64_t num_foreground = 0;  // Mask voxels above 0.
  std::vector<LabelledBox> boxes;
  // The slice (index along D) that the boxes were drawn on; -1: none is.
  int64_t key_slice = -1;
};

// An image, perhaps with a mask of the same shape. The voxels may be on disk.
// Any thread; a const source keeps no state that readers could see.
class VolumeSource {
 public:
  VolumeSource() = default;
  VolumeSource(const VolumeSource&) = delete;
  VolumeSource& operator=(const VolumeSource&) = delete;
  virtual ~VolumeSource() = default;

  virtual const VolumeFacts& facts() const = 0;

  // For messages: "case 17 (shard shard-00000.h5, sample 3)".
  virtual std::string describe() const = 0;

  // Copies the voxels of `box`, which must lie within the volume, W fastest.
  // Throws DataError naming describe() if they are damaged, IoError.
  virtual void read_image(const VoxelBox& box, std::span<float> out) const = 0;

  // Likewise; needs facts().has_mask.
  virtual void read_mask(const VoxelBox& box, std::span<uint8_t> out) const = 0;

  // Foreground voxel k in [0, facts().num_foreground), in an order of the
  // source's own that never changes: for drawing one uniformly.
  virtual Shape3 foreground_voxel(int64_t k) const = 0;
};

}  // namespace voxlift::dataio
