#include <array>
#include <memory>

#include "dataio/decode/byte_source.h"
#include "tests/fuzz/input.h"

namespace voxlift::fuzz {

namespace {

constexpr int64_t kMostBytes = 4 << 20;

std::unique_ptr<dataio::ByteSource> make_source(uint8_t choice, Bytes bytes) {
  switch (choice % 5) {
    case 0:
      return dataio::make_gzip_source(bytes, "a");
    case 1:
      return dataio::make_gzip_source(dataio::make_memory_source(bytes), "a");
    case 2:
      return dataio::make_zlib_source(dataio::make_memory_source(bytes), "a");
    case 3:
      return dataio::make_deflate_source(bytes, "a");
    default:
      return dataio::make_bzip2_source(dataio::make_memory_source(bytes), "a");
  }
}

}  // namespace

// First byte: the kind of stream; second: how much is passed over.
void fuzz_inflate(Bytes input) {
  InputReader reader(input);
  accept_or_refuse([&] {
    const uint8_t choice = reader.byte();
    const int64_t skipped = reader.byte();
    const auto source = make_source(choice, reader.rest());
    const int64_t most = source->max_bytes();
    int64_t num_bytes = source->skip(skipped);
    std::array<std::byte, 4096> piece{};
    size_t got = piece.size();
    while (got == piece.size() && num_bytes < kMostBytes) {
      got = source->read(piece);
      num_bytes += static_cast<int64_t>(got);
    }
    VOXLIFT_CHECK(num_bytes <= most, "more bytes than the bound");
    if (num_bytes < kMostBytes) {
      source->finish();
    }
  });
}

}  // namespace voxlift::fuzz
