#pragma once
// The same JPEG with restart markers, so that parts of it can be decoded alone.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace voxlift::dataio {

// Rewrites the entropy-coded data without loss: the same coefficients, so the
// same pixels, with optimal Huffman tables, one scan (a progressive file
// becomes sequential) and a restart marker after so many blocks that cut_jpeg()
// can take rectangles out. Metadata other than JFIF and Adobe markers is left
// out. Usually a little smaller than before; costs about two decodings.
//
// Nothing if that cannot be done or changes a pixel: not a JPEG of one (grey)
// or three components, damaged, or without Huffman coding. Any thread.
std::optional<std::vector<std::byte>> add_jpeg_restarts(
    std::span<const std::byte> bytes);

}  // namespace voxlift::dataio
