#pragma once
// A decoded scan as a VolumeSource.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataio/scan.h"
#include "dataio/volume.h"
#include "dataio/volume_source.h"

namespace voxlift::dataio {

// In float64 and in storage order, so that the bits depend on the voxels only.
VoxelMoments measure_voxels(std::span<const float> voxels);

// Takes the voxels over. `mask` has the image's shape, or is empty; foreground
// voxels are numbered in storage order. Throws DataError naming `origin` if
// voxels are NaN or infinite.
std::unique_ptr<VolumeSource> make_memory_volume(Volume image,
                                                 std::vector<uint8_t> mask,
                                                 const std::string& origin);

// The same with the scan's boxes and key slice.
std::unique_ptr<VolumeSource> make_memory_volume(Scan scan,
                                                 const std::string& origin);

}  // namespace voxlift::dataio
