#include "dataio/decode/codestream.h"

#include <algorithm>

namespace voxlift::dataio {

namespace {

int64_t number(std::span<const std::byte> bytes, size_t at, size_t count) {
  int64_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    value = value << 8 | std::to_integer<int64_t>(bytes[at + i]);
  }
  return value;
}

// SOF0 to SOF15 but for tables and reserved ones, and SOF55 of JPEG-LS.
bool is_frame_header(int64_t marker) {
  return (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 &&
          marker != 0xc8 && marker != 0xcc) ||
         marker == 0xf7;
}

std::optional<std::array<int64_t, 2>> jpeg_size(
    std::span<const std::byte> bytes) {
  constexpr size_t kFrameHeaderBytes = 9;
  size_t at = 2;
  while (at + kFrameHeaderBytes <= bytes.size() &&
         bytes[at] == std::byte{0xff}) {
    const int64_t marker = number(bytes, at + 1, 1);
    if (is_frame_header(marker)) {
      return std::array{number(bytes, at + 5, 2), number(bytes, at + 7, 2)};
    }
    at += 2 + static_cast<size_t>(number(bytes, at + 2, 2));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::array<int64_t, 2>> codestream_size(
    std::span<const std::byte> bytes) {
  constexpr size_t kSizBytes = 24;
  if (bytes.size() < kSizBytes) {
    return std::nullopt;
  }
  if (number(bytes, 0, 2) == 0xffd8) {
    return jpeg_size(bytes);
  }
  if (number(bytes, 0, 4) == 0xff4fff51) {
    // End of the picture less its start, both on a reference grid.
    const int64_t height = number(bytes, 12, 4) - number(bytes, 20, 4);
    const int64_t width = number(bytes, 8, 4) - number(bytes, 16, 4);
    return std::array{std::max<int64_t>(height, 0),
                      std::max<int64_t>(width, 0)};
  }
  return std::nullopt;
}

}  // namespace voxlift::dataio
