#pragma once
// JPEGs of the kinds that cameras and programs write.

#include "dataio/image.h"
#include "tests/dataio/made_files.h"

namespace voxlift::dataio::test {

struct JpegStyle {
  // Pixels that share a chroma sample, across and down.
  int across = 2;
  int down = 2;
  bool grey = false;
  bool progressive = false;
  int restart_rows = 0;  // Restart marker every so many rows of blocks.
  int quality = 90;
};

Bytes styled_jpeg(const Image& image, const JpegStyle& style);

// A ramp with noise on it: no two neighbouring pixels are equal.
Image noisy_image(int64_t height, int64_t width);

}  // namespace voxlift::dataio::test
