#pragma once
// What a NIfTI header says.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "dataio/decode/raw_voxels.h"

namespace voxlift::dataio {

// Enough for either version; version 1 has 348 bytes.
inline constexpr size_t kMaxNiftiHeaderBytes = 540;

struct NiftiHeader {
  int version = 1;       // 1 or 2.
  bool is_pair = false;  // The voxels are in an .img file.
  int64_t header_bytes = 0;
  int64_t voxel_offset = 0;  // Of the first voxel in its file.
  Shape3 shape{};            // z, y, x.
  int64_t num_frames = 1;    // Length of the fourth axis.
  ScalarCode code;
  std::array<double, 3> spacing_mm{};
  Affine affine{};
};

// `bytes` are the first of the file, kMaxNiftiHeaderBytes if it has as many.
// The affine is the sform's if its code is above 0, else the qform's, else made
// of the spacing with the centre at 0 and x to the left, as nibabel does.
// Pure: allocates nothing that the bytes could ask for. Throws DataError if
// they are no NIfTI header, or one of voxels that are no real numbers.
NiftiHeader parse_nifti_header(std::span<const std::byte> bytes,
                               const std::string& origin);

}  // namespace voxlift::dataio
