#pragma once
// Pictures to JPEG bytes.

#include <cstddef>
#include <vector>

#include "dataio/image.h"

namespace voxlift::dataio {

// Baseline JPEG, 4:2:0, Huffman tables fitted to the picture; no time stamp, so
// equal pictures give equal bytes. `quality` is libjpeg's, 1 to 100.
// Any thread. The picture must not be empty or longer than 65500 pixels a side.
[[nodiscard]] std::vector<std::byte> encode_jpeg(const Image& image,
                                                 int quality = 90);

}  // namespace voxlift::dataio
