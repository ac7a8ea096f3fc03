#pragma once
// Scans to NIfTI bytes.

#include <cstddef>
#include <vector>

#include "dataio/volume.h"

namespace voxlift::dataio {

enum class VoxelType { kUint8, kFloat32 };

// A .nii.gz file: NIfTI-1, little-endian, the volume's spacing in its header,
// axes aligned with the scanner's (sform code 1, origin 0). kUint8 rounds and
// clamps to 0..255; kFloat32 keeps every bit. No time stamp and no name in the
// gzip header: equal volumes give equal bytes. Any thread. Each side must be 1
// to 32767 voxels (NIfTI-1's limit).
[[nodiscard]] std::vector<std::byte> encode_nifti_gz(const Volume& volume,
                                                     VoxelType type);

}  // namespace voxlift::dataio
