#pragma once
// Small encoded pictures and scans of kinds that voxlift reads but does not
// write.

#include <nifti1.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataio/image.h"

namespace voxlift::dataio::test {

using Bytes = std::vector<std::byte>;

// Every pixel of this colour.
Image plain_image(int64_t height, int64_t width,
                  const std::array<uint8_t, 3>& color);

// Red grows to the right, green downwards, blue is their mean.
Image ramp_image(int64_t height, int64_t width);

// The largest difference of two channels; fails a test if sizes differ.
int max_difference(const Image& a, const Image& b);

struct JpegKind {
  int num_components = 3;  // 1 grey, 3 YCbCr, 4 CMYK.
  bool adobe = false;      // The marker of Adobe's programs.
  bool progressive = false;
  // Colour and progressive only: each coefficient of each component in two
  // scans of its own, 379 in all.
  bool many_scans = false;
};

// A picture whose every pixel has these stored component values.
Bytes plain_jpeg(const JpegKind& kind, int64_t height, int64_t width,
                 const std::array<uint8_t, 4>& stored);

struct PngKind {
  int color_type = 0;  // libpng's.
  int bit_depth = 8;
  bool interlaced = false;
};

// 16 x 16; `row` holds the packed bytes of each row. A palette picture gets the
// colours (10 i, 20 i, 30 i) for i = 0..7.
Bytes made_png(const PngKind& kind, std::span<const uint8_t> row);

// A header for x, y, z voxels of `datatype`, spacing 1, 2, 3 mm.
nifti_1_header nifti_header(int16_t datatype, int16_t bits,
                            const std::array<int16_t, 3>& xyz);

// Header, four zero bytes, voxels.
Bytes nifti_file(const nifti_1_header& header, std::span<const std::byte> data);

// The header in the other byte order.
nifti_1_header swapped(const nifti_1_header& header);

template <typename T>
Bytes bytes_of(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

Bytes gzipped(std::span<const std::byte> bytes);

Bytes file_bytes(const std::string& path);

}  // namespace voxlift::dataio::test
