#pragma once
// Encoded bytes to pixels or voxels, the format told by magic bytes.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "dataio/image.h"
#include "dataio/volume.h"

namespace voxlift::dataio {

enum class Format { kJpeg, kPng, kNifti, kNiftiGz };

// By the first bytes, never by the file's name; nothing if unknown.
std::optional<Format> detect_format(std::span<const std::byte> bytes);

struct DecodeLimits {
  // Pixels or voxels; a file that claims more is refused before allocation.
  int64_t max_elements = int64_t{1} << 30;
};

// JPEG (grey, YCbCr, RGB, CMYK, YCCK, all converted to RGB) or PNG (any depth
// and colour type; alpha over black is dropped, 16 bits reduced to 8).
// Any thread. Throws DataError naming `origin` if the bytes are no picture,
// end early, are damaged in a way that the library reports, or exceed limits.
[[nodiscard]] Image decode_image(std::span<const std::byte> bytes,
                                 const std::string& origin,
                                 const DecodeLimits& limits = {});

// NIfTI-1, .nii or gzip-compressed .nii.gz, 3D (or 4D with one frame), real
// voxel types, either byte order. The file's x, y, z become W, H, D.
// Any thread. Throws DataError as above.
[[nodiscard]] Volume decode_volume(std::span<const std::byte> bytes,
                                   const std::string& origin,
                                   const DecodeLimits& limits = {});

}  // namespace voxlift::dataio
