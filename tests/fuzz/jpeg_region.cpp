#include "dataio/decode/jpeg_region.h"

#include <tuple>

#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

namespace {

// Start and length of a part of `side`, at least 1 long.
std::pair<int64_t, int64_t> part_of(int64_t side, InputReader& reader) {
  const int64_t start = (side - 1) * reader.byte() / 255;
  return {start, 1 + (side - start - 1) * reader.byte() / 255};
}

}  // namespace

// Five bytes choose the scale and the region.
void fuzz_jpeg_region(Bytes input) {
  InputReader reader(input);
  dataio::JpegRegion region;
  region.scale = 1 + reader.byte() % 8;
  InputReader sides = reader;
  for (int i = 0; i < 4; ++i) {
    reader.byte();
  }
  accept_or_refuse([&] {
    const std::string origin = "a.jpg";
    dataio::JpegRegionReader jpeg(reader.rest(), origin, kLimits);
    if (!jpeg.gives_rgb()) {
      return;
    }
    const auto scaled = [&](int64_t side) {
      return (side * region.scale + 7) / 8;
    };
    auto& box = region.box;
    std::tie(box.top, box.height) = part_of(scaled(jpeg.height()), sides);
    std::tie(box.left, box.width) = part_of(scaled(jpeg.width()), sides);
    std::vector<uint8_t> buffer;
    std::vector<std::byte> cut;
    jpeg.start(region, buffer, cut);
    int64_t sum = 0;
    for (int64_t y = box.top; y < box.top + box.height; ++y) {
      const uint8_t* row = jpeg.row(y);
      sum += row[0] + row[3 * box.width - 1];
    }
    VOXLIFT_CHECK(sum >= 0, "sum of bytes");
  });
}

}  // namespace voxlift::fuzz
