#include "sharding/voxel_chunk.h"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace voxlift::sharding {
namespace {

// Of libdeflate, for deciding and where zlib's fixed codes cost too much.
constexpr int kLevel = 6;

// The fixed codes of deflate need no table to be read, which takes most of the
// time of so small a chunk; they may cost this share of the stored bytes.
constexpr double kFixedCodesShare = 0.05;
constexpr int kFixedCodesLevel = 6;

// For deflateTune(): take the longest match at each place, however far, rather
// than ask whether the next place has a longer one. A tenth fewer codes to
// read.
constexpr int kLongestMatch = 258;
constexpr int kShortestMatch = 3;
constexpr int kMaxPlaces = 4096;

// A plane is deflated if it shrinks below this share, else stored.
constexpr double kWorthwhileShare = 0.5;

// RFC 1951 section 3.2.4.
constexpr size_t kMaxStoredBlock = 65535;

// RFC 1950 section 2.2: deflate, window of 32 KiB, no dictionary.
constexpr std::array<std::byte, 2> kZlibHeader = {std::byte{0x78},
                                                  std::byte{0x9c}};

struct CompressorDeleter {
  void operator()(libdeflate_compressor* c) const {
    libdeflate_free_compressor(c);
  }
};

// A raw deflate stream of zlib with fixed codes.
struct FixedStream {
  FixedStream() {
    VOXLIFT_CHECK(deflateInit2(&z, kFixedCodesLevel, Z_DEFLATED, -MAX_WBITS, 9,
                               Z_FIXED) == Z_OK,
                  "deflateInit2");
    VOXLIFT_CHECK(deflateTune(&z, kLongestMatch, kShortestMatch, kLongestMatch,
                              kMaxPlaces) == Z_OK,
                  "deflateTune");
  }

  ~FixedStream() { deflateEnd(&z); }

  FixedStream(const FixedStream&) = delete;
  FixedStream& operator=(const FixedStream&) = delete;

  z_stream z{};
};

struct DecompressorDeleter {
  void operator()(libdeflate_decompressor* d) const {
    libdeflate_free_decompressor(d);
  }
};

void shuffle(std::span<const std::byte> elements, size_t element_bytes,
             std::vector<std::byte>& planes) {
  planes.resize(elements.size());
  const size_t count = elements.size() / element_bytes;
  for (size_t plane = 0; plane < element_bytes; ++plane) {
    std::byte* to = planes.data() + plane * count;
    for (size_t i = 0; i < count; ++i) {
      to[i] = elements[i * element_bytes + plane];
    }
  }
}

template <typename T>
bool all_fit(std::span<const float> voxels) {
  return std::all_of(voxels.begin(), voxels.end(), [](float voxel) {
    return voxel >= static_cast<float>(std::numeric_limits<T>::min()) &&
           voxel <= static_cast<float>(std::numeric_limits<T>::max()) &&
           voxel == std::trunc(voxel) &&
           !(voxel == 0.0F && std::signbit(voxel));
  });
}

}  // namespace

int64_t storage_bytes(VoxelStorage storage) {
  switch (storage) {
    case VoxelStorage::kUint8:
      return 1;
    case VoxelStorage::kInt16:
      return 2;
    case VoxelStorage::kFloat32:
      return 4;
  }
  throw InternalError("unknown storage of voxels");
}

VoxelStorage choose_storage(std::span<const float> voxels) {
  if (all_fit<uint8_t>(voxels)) {
    return VoxelStorage::kUint8;
  }
  return all_fit<int16_t>(voxels) ? VoxelStorage::kInt16
                                  : VoxelStorage::kFloat32;
}

struct ChunkEncoder::Impl {
  std::unique_ptr<libdeflate_compressor, CompressorDeleter> compressor{
      libdeflate_alloc_compressor(kLevel)};
  std::vector<std::byte> planes;
  std::vector<std::byte> stream;
  std::vector<std::byte> scratch;
  FixedStream fixed_stream;
  std::vector<std::byte> fixed;

  // The smallest deflate stream of `bytes`, in `scratch`.
  std::span<const std::byte> deflate(std::span<const std::byte> bytes) {
    scratch.resize(
        libdeflate_deflate_compress_bound(compressor.get(), bytes.size()));
    const size_t size = libdeflate_deflate_compress(
        compressor.get(), bytes.data(), bytes.size(), scratch.data(),
        scratch.size());
    VOXLIFT_CHECK(size > 0, "deflate");
    return std::span(scratch).first(size);
  }

  // One with fixed codes, in `fixed`.
  std::span<const std::byte> deflate_fixed(std::span<const std::byte> bytes) {
    z_stream& z = fixed_stream.z;
    VOXLIFT_CHECK(deflateReset(&z) == Z_OK, "deflateReset");
    fixed.resize(deflateBound(&z, bytes.size()));
    // zlib takes pointers to what it only reads.
    z.next_in =
        const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
    z.avail_in = static_cast<uInt>(bytes.size());
    z.next_out = reinterpret_cast<Bytef*>(fixed.data());
    z.avail_out = static_cast<uInt>(fixed.size());
    VOXLIFT_CHECK(::deflate(&z, Z_FINISH) == Z_STREAM_END, "deflate");
    return std::span(fixed).first(z.total_out);
  }

  // Fast to read unless that costs too much; `num_stored` bytes stand before.
  std::span<const std::byte> deflate_rest(std::span<const std::byte> bytes,
                                          size_t num_stored) {
    const auto smallest = deflate(bytes);
    const auto fast = deflate_fixed(bytes);
    const double room =
        kFixedCodesShare * static_cast<double>(num_stored + smallest.size());
    return static_cast<double>(fast.size()) <=
                   static_cast<double>(smallest.size()) + room
               ? fast
               : smallest;
  }

  void append(std::span<const std::byte> bytes) {
    stream.insert(stream.end(), bytes.begin(), bytes.end());
  }

  void append_stored(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const size_t size = std::min(bytes.size(), kMaxStoredBlock);
      const auto low = static_cast<std::byte>(size & 0xFFU);
      const auto high = static_cast<std::byte>(size >> 8);
      // Not the last block, type 00, padding; length and its complement.
      append(std::array{std::byte{0}, low, high, ~low, ~high});
      append(bytes.first(size));
      bytes = bytes.subspan(size);
    }
  }

  // How many planes, from the front, deflate does not shrink.
  size_t count_noisy(size_t element_bytes) {
    const size_t count = planes.size() / element_bytes;
    size_t noisy = 0;
    while (noisy + 1 < element_bytes) {
      const auto plane = std::span(planes).subspan(noisy * count, count);
      if (static_cast<double>(deflate(plane).size()) <
          kWorthwhileShare * static_cast<double>(count)) {
        break;
      }
      ++noisy;
    }
    return noisy;
  }
};

ChunkEncoder::ChunkEncoder() : impl_(std::make_unique<Impl>()) {}

ChunkEncoder::~ChunkEncoder() = default;

std::span<const std::byte> ChunkEncoder::encode(
    std::span<const std::byte> elements, int64_t element_bytes) {
  const auto width = static_cast<size_t>(element_bytes);
  VOXLIFT_CHECK(!elements.empty() && elements.size() % width == 0,
                "size of a chunk");
  shuffle(elements, width, impl_->planes);
  const std::span<const std::byte> planes = impl_->planes;
  const size_t num_stored =
      impl_->count_noisy(width) * (elements.size() / width);
  impl_->stream.assign(kZlibHeader.begin(), kZlibHeader.end());
  impl_->append_stored(planes.first(num_stored));
  impl_->append(impl_->deflate_rest(planes.subspan(num_stored), num_stored));
  const uint32_t sum = libdeflate_adler32(1, planes.data(), planes.size());
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    impl_->stream.push_back(static_cast<std::byte>((sum >> shift) & 0xFFU));
  }
  return impl_->stream;
}

struct ChunkDecoder::Impl {
  std::unique_ptr<libdeflate_decompressor, DecompressorDeleter> decompressor{
      libdeflate_alloc_decompressor()};
};

ChunkDecoder::ChunkDecoder() : impl_(std::make_unique<Impl>()) {}

ChunkDecoder::~ChunkDecoder() = default;

bool ChunkDecoder::inflate(std::span<const std::byte> stored,
                           std::span<std::byte> planes) {
  // The checksum at the end is left out: the stored bytes have a better one.
  constexpr size_t kTrailerBytes = 4;
  if (stored.size() < kZlibHeader.size() + kTrailerBytes) {
    return false;
  }
  const auto deflated = stored.subspan(
      kZlibHeader.size(), stored.size() - kZlibHeader.size() - kTrailerBytes);
  return libdeflate_deflate_decompress(
             impl_->decompressor.get(), deflated.data(), deflated.size(),
             planes.data(), planes.size(), nullptr) == LIBDEFLATE_SUCCESS;
}

}  // namespace voxlift::sharding
