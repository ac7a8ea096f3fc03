#include "dataio/decode/jpeg_cut.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace voxlift::dataio {

namespace {

using Bytes = std::span<const std::byte>;

// Second bytes of markers (ITU-T T.81, table B.1).
enum Marker : uint8_t {
  kSof0 = 0xC0,  // Baseline.
  kSof1 = 0xC1,  // Extended sequential, Huffman.
  kDht = 0xC4,
  kRst0 = 0xD0,
  kSoi = 0xD8,
  kEoi = 0xD9,
  kSos = 0xDA,
  kDqt = 0xDB,
  kDri = 0xDD,
  kApp0 = 0xE0,
  kApp14 = 0xEE,
};

uint8_t at(Bytes bytes, size_t i) {
  return std::to_integer<uint8_t>(bytes[i]);
}

int64_t word(Bytes bytes, size_t i) {
  return at(bytes, i) << 8 | at(bytes, i + 1);
}

int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// What the header says of the grid of blocks.
struct Layout {
  int64_t height = 0;
  int64_t width = 0;
  int64_t mcu_height = 0;  // Pixels that one unit of the grid shows.
  int64_t mcu_width = 0;
  int64_t num_components = 0;
  int64_t interval = 0;   // Units between restarts.
  size_t size_at = 0;     // In the new header: height, then width.
  size_t data_begin = 0;  // Of the entropy-coded data in the file.
  bool subsampled = false;
};

class HeaderCopier {
 public:
  HeaderCopier(Bytes bytes, std::vector<std::byte>& out)
      : bytes_(bytes), out_(out) {}

  // Copies what decoding needs; false where the file cannot be cut.
  bool copy(Layout& layout) {
    if (bytes_.size() < 4 || word(bytes_, 0) != (0xFF00 | kSoi)) {
      return false;
    }
    out_.push_back(std::byte{0xFF});
    out_.push_back(static_cast<std::byte>(kSoi));
    size_t position = 2;
    while (position + 4 <= bytes_.size()) {
      if (at(bytes_, position) != 0xFF) {
        return false;
      }
      const uint8_t marker = at(bytes_, position + 1);
      if (marker == 0xFF) {
        ++position;  // Padding.
        continue;
      }
      const auto length = static_cast<size_t>(word(bytes_, position + 2));
      if (length < 2 || length > bytes_.size() - position - 2) {
        return false;
      }
      const Bytes segment = bytes_.subspan(position, length + 2);
      position += length + 2;
      if (!take(marker, segment, layout)) {
        return false;
      }
      if (marker == kSos) {
        layout.data_begin = position;
        return layout.interval > 0 && layout.num_components > 0 &&
               at(segment, 4) == layout.num_components;
      }
    }
    return false;
  }

 private:
  void append(Bytes bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }

  bool take(uint8_t marker, Bytes segment, Layout& layout) {
    switch (marker) {
      case kSof0:
      case kSof1:
        layout.size_at = out_.size() + 5;
        append(segment);
        return read_frame(segment, layout);
      case kDri:
        if (segment.size() != 6) {
          return false;
        }
        layout.interval = word(segment, 4);
        append(segment);
        return true;
      case kSos:
        append(segment);
        return segment.size() > 4;
      case kDht:
      case kDqt:
      case kApp0:
      case kApp14:
        append(segment);
        return true;
      default:
        // Other frames cannot be cut; comments and the like are left out.
        return marker >= kApp0;
    }
  }

  static bool read_frame(Bytes segment, Layout& layout) {
    constexpr size_t kFixedBytes = 10;
    if (segment.size() < kFixedBytes || layout.num_components != 0 ||
        at(segment, 4) != 8) {
      return false;
    }
    layout.height = word(segment, 5);
    layout.width = word(segment, 7);
    layout.num_components = at(segment, 9);
    const auto count = static_cast<size_t>(layout.num_components);
    if (layout.height == 0 || layout.width == 0 || count == 0 || count > 4 ||
        segment.size() != kFixedBytes + 3 * count) {
      return false;
    }
    int64_t across = 1;
    int64_t down = 1;
    for (size_t c = 0; c < count; ++c) {
      const uint8_t factors = at(segment, kFixedBytes + 3 * c + 1);
      across = std::max<int64_t>(across, factors >> 4);
      down = std::max<int64_t>(down, factors & 15);
    }
    if (across > 4 || down > 4) {
      return false;
    }
    if (count == 1) {  // Coded block by block.
      across = 1;
      down = 1;
    }
    layout.subsampled = across > 1 || down > 1;
    layout.mcu_width = 8 * across;
    layout.mcu_height = 8 * down;
    return true;
  }

  Bytes bytes_;
  std::vector<std::byte>& out_;
};

// Units along one axis.
struct Range {
  int64_t begin = 0;
  int64_t end = 0;
};

// The units of `unit` pixels that cover the pixels, widened by `margin` units.
Range cover(int64_t first, int64_t count, int64_t unit, int64_t margin,
            int64_t num_units) {
  return {std::max<int64_t>(first / unit - margin, 0),
          std::min(ceil_div(first + count, unit) + margin, num_units)};
}

// The position of the next marker from `position` on, or the end.
size_t next_marker(Bytes bytes, size_t position) {
  while (position + 1 < bytes.size()) {
    const void* found =
        std::memchr(bytes.data() + position, 0xFF, bytes.size() - 1 - position);
    if (found == nullptr) {
      break;
    }
    position = static_cast<size_t>(static_cast<const std::byte*>(found) -
                                   bytes.data());
    if (at(bytes, position + 1) != 0) {
      return position;
    }
    position += 2;
  }
  return bytes.size();
}

// Copies the intervals of the rows and columns; false where a restart marker is
// not the expected one.
bool copy_intervals(Bytes bytes, size_t position, const Range& rows,
                    const Range& columns, int64_t per_row, bool at_bottom,
                    std::vector<std::byte>& out) {
  int64_t num_copied = 0;
  const int64_t total = (columns.end - columns.begin) * (rows.end - rows.begin);
  for (int64_t i = 0; i < rows.end * per_row; ++i) {
    const size_t end = next_marker(bytes, position);
    const bool last_of_file = at_bottom && i + 1 == rows.end * per_row;
    const auto expected = static_cast<uint8_t>(
        last_of_file ? kEoi : kRst0 + static_cast<int>(i % 8));
    if (end + 2 > bytes.size() || at(bytes, end + 1) != expected) {
      return false;
    }
    const int64_t column = i % per_row;
    if (i >= rows.begin * per_row && column >= columns.begin &&
        column < columns.end) {
      const Bytes interval = bytes.subspan(position, end - position);
      out.insert(out.end(), interval.begin(), interval.end());
      const bool last = ++num_copied == total;
      const int marker =
          last ? kEoi : kRst0 + static_cast<int>((num_copied - 1) % 8);
      out.push_back(std::byte{0xFF});
      out.push_back(static_cast<std::byte>(marker));
      if (last) {
        return true;
      }
    }
    position = end + 2;
  }
  return false;
}

void put_word(int64_t value, size_t position, std::vector<std::byte>& out) {
  out[position] = static_cast<std::byte>(value >> 8);
  out[position + 1] = static_cast<std::byte>(value & 0xFF);
}

}  // namespace

bool cut_jpeg(std::span<const std::byte> bytes, const CropBox& wanted,
              std::vector<std::byte>& out, CropBox& kept) {
  out.clear();
  out.reserve(bytes.size() + 64);  // Once, not step by step.
  Layout layout;
  if (!HeaderCopier(bytes, out).copy(layout)) {
    return false;
  }
  const int64_t mcus_per_row = ceil_div(layout.width, layout.mcu_width);
  const int64_t num_rows = ceil_div(layout.height, layout.mcu_height);
  if (mcus_per_row % layout.interval != 0) {
    return false;
  }
  const int64_t per_row = mcus_per_row / layout.interval;
  const int64_t margin = layout.subsampled ? 1 : 0;
  const Range rows =
      cover(wanted.top, wanted.height, layout.mcu_height, margin, num_rows);
  const Range mcus =
      cover(wanted.left, wanted.width, layout.mcu_width, margin, mcus_per_row);
  const Range columns = {mcus.begin / layout.interval,
                         ceil_div(mcus.end, layout.interval)};
  if (!copy_intervals(bytes, layout.data_begin, rows, columns, per_row,
                      rows.end == num_rows, out)) {
    return false;
  }
  const int64_t interval_width = layout.interval * layout.mcu_width;
  kept.top = rows.begin * layout.mcu_height;
  kept.left = columns.begin * interval_width;
  kept.height =
      std::min(rows.end * layout.mcu_height, layout.height) - kept.top;
  kept.width = std::min(columns.end * interval_width, layout.width) - kept.left;
  put_word(kept.height, layout.size_at, out);
  put_word(kept.width, layout.size_at + 2, out);
  return true;
}

}  // namespace voxlift::dataio
