#pragma once
// Pictures to PNG bytes.

#include <cstddef>
#include <vector>

#include "dataio/image.h"

namespace voxlift::dataio {

// 8-bit RGB PNG without ancillary chunks: equal pictures give equal bytes.
// Any thread. The picture must not be empty.
[[nodiscard]] std::vector<std::byte> encode_png(const Image& image);

}  // namespace voxlift::dataio
