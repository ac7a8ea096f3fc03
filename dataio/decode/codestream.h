#pragma once
// The size that a compressed picture inside a DICOM file claims.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace voxlift::dataio {

// Height and width from the first frame header of a JPEG or JPEG-LS stream
// (SOF), or from a JPEG 2000 codestream (SIZ; 0 if it ends before it starts).
// Nothing where there is none, as
// in RLE. Pure.
std::optional<std::array<int64_t, 2>> codestream_size(
    std::span<const std::byte> bytes);

}  // namespace voxlift::dataio
