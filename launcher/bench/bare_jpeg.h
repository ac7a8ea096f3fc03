#pragma once
// The yardstick of the photograph benchmark: libjpeg-turbo and nothing else.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataio/decode/jpeg_region.h"

namespace voxlift::launcher {

// A region of encoded bytes in memory.
struct BareJob {
  std::span<const std::byte> bytes;
  dataio::JpegRegion region;
};

// Decodes the rows of the region to RGB, each over the one before, and looks at
// none. Throws DataError. `row` is reused memory.
void bare_decode(const BareJob& job, std::vector<uint8_t>& row);

}  // namespace voxlift::launcher
