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
  // Pixels of a photograph: a picture costs three bytes each, and a small file
  // can claim many. 134 million is 403 MB.
  int64_t max_pixels = int64_t{1} << 27;
};

// JPEG (grey, YCbCr, RGB, CMYK, YCCK, all converted to RGB) or PNG (any depth
// and colour type; alpha is dropped and the colours under it stay as they are,
// 16 bits are scaled to 8). An EXIF orientation is ignored, as the pipelines do
// that train on ImageNet: pixels come in stored order.
//
// Any thread. Throws DataError naming `origin` if the bytes are no picture,
// end early, are damaged in a way that the library reports, or exceed limits.
// What does not touch the pixels is forgiven: padding before a JPEG marker, an
// odd version number, a bad colour profile, a damaged ancillary PNG chunk.
[[nodiscard]] Image decode_image(std::span<const std::byte> bytes,
                                 const std::string& origin,
                                 const DecodeLimits& limits = {});

// NIfTI-1, .nii or gzip-compressed .nii.gz, 3D (or 4D with one frame), real
// voxel types, either byte order. The file's x, y, z become W, H, D; nothing is
// reoriented. Scale and offset are applied as NIfTI-1 says (slope 0 means
// none). 64-bit integers and doubles are rounded to float32. NaN and infinite
// voxels are kept as they are; the volume transforms refuse them. A spacing
// that is zero or no number counts as 1 mm, as in nifticlib. Any thread. Throws
// DataError as above; a header and image pair (.hdr, .img), NIfTI-2,
// Analyze 7.5, complex and RGB voxels are refused by name.
[[nodiscard]] Volume decode_volume(std::span<const std::byte> bytes,
                                   const std::string& origin,
                                   const DecodeLimits& limits = {});

}  // namespace voxlift::dataio
