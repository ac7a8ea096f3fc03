#pragma once
// Label maps and maps of numbers to NIfTI bytes.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataio/volume.h"

namespace voxlift::dataio {

// Where a map lies: shape, spacing and affine of the scan it belongs to.
struct MaskGrid {
  Shape3 shape{};
  std::array<double, 3> spacing_mm{1.0, 1.0, 1.0};
  Affine affine = kIdentityAffine;
};

// A .nii.gz file: NIfTI-1, little-endian, uint8, `affine` as its sform (code 1;
// float32 in the file). No time stamp and no name in the gzip header: equal
// labels give equal bytes. Any thread. Each side must be 1 to 32767 voxels
// (NIfTI-1's limit). Memory: the labels once more, and what is returned.
[[nodiscard]] std::vector<std::byte> encode_nifti_mask_gz(
    std::span<const uint8_t> labels, const MaskGrid& grid);

// The same with float32 values, of which every bit is kept.
[[nodiscard]] std::vector<std::byte> encode_nifti_map_gz(
    std::span<const float> values, const MaskGrid& grid);

}  // namespace voxlift::dataio
