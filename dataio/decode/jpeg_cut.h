#pragma once
// A rectangle of a JPEG as a JPEG of its own, without decoding.

#include <cstddef>
#include <span>
#include <vector>

#include "dataio/crop_box.h"

namespace voxlift::dataio {

// Takes the restart intervals (ITU-T T.81, section E.1.4) that cover `wanted`
// out of a sequential JPEG: what it holds is decoded as in the whole picture,
// but for pixels beside an edge that the whole has no edge at, where chroma is
// subsampled; `wanted` is widened by one block there. Puts a complete JPEG into
// `out` and the rectangle that it shows into `kept`, in pixels.
//
// False, and nothing done, where the file has no restart intervals that divide
// its rows of blocks, is progressive, or is damaged before the rectangle's end.
// Any thread. Cost: one pass over the bytes up to the rectangle's end, many
// times faster than decoding them. Hostile bytes do no harm.
[[nodiscard]] bool cut_jpeg(std::span<const std::byte> bytes,
                            const CropBox& wanted, std::vector<std::byte>& out,
                            CropBox& kept);

}  // namespace voxlift::dataio
