#pragma once
// One function per format, behind decode_image() and decode_volume().

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataio/decode/decoder.h"

namespace voxlift::dataio {

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& origin,
                  const DecodeLimits& limits);
Image decode_png(std::span<const std::byte> bytes, const std::string& origin,
                 const DecodeLimits& limits);
// `format` is kNifti or kNiftiGz.
Volume decode_nifti(std::span<const std::byte> bytes, Format format,
                    const std::string& origin, const DecodeLimits& limits);

// What a picture's header claims.
struct ClaimedSize {
  int64_t height = 0;
  int64_t width = 0;
};

// Throws DataError if the size is empty, exceeds the limits, or is more than
// `pixels_per_byte` times the file's length: no file of this format can hold so
// many.
void check_claimed_size(ClaimedSize size, size_t file_bytes,
                        int64_t pixels_per_byte, const std::string& origin,
                        const DecodeLimits& limits);

// Makes the picture, all zero, after check_claimed_size().
Image allocate_image(ClaimedSize size, size_t file_bytes,
                     int64_t pixels_per_byte, const std::string& origin,
                     const DecodeLimits& limits);

// A slice as PNG stores it: 8 bits, or 16 with the high byte first.
struct GreyImage {
  int64_t height = 0;
  int64_t width = 0;
  int bits = 8;
  std::vector<std::byte> bytes;
};

// Throws DataError unless the PNG is grey with 8 or 16 bits. Nothing is scaled;
// a transparent grey keeps its value.
GreyImage decode_grey_png(std::span<const std::byte> bytes,
                          const std::string& origin,
                          const DecodeLimits& limits);

}  // namespace voxlift::dataio
