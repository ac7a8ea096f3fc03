#include "dataio/decode/decoder.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/formats.h"

namespace voxlift::dataio {

namespace {

bool starts_with(std::span<const std::byte> bytes,
                 std::span<const uint8_t> magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](uint8_t a, std::byte b) { return std::byte{a} == b; });
}

// NIfTI has its magic at the end of a 348-byte header; what starts the file is
// the header's length, 348 (540 for version 2), in either byte order.
bool starts_like_nifti(std::span<const std::byte> bytes) {
  static constexpr std::array<std::array<uint8_t, 4>, 4> kLengths = {
      {{0x5c, 0x01, 0, 0},
       {0, 0, 0x01, 0x5c},
       {0x1c, 0x02, 0, 0},
       {0, 0, 0x02, 0x1c}}};
  return std::any_of(kLengths.begin(), kLengths.end(), [&](const auto& length) {
    return starts_with(bytes, length);
  });
}

std::string first_bytes(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte b : bytes.first(std::min<size_t>(4, bytes.size()))) {
    text += (text.empty() ? "" : " ") + hex(std::to_integer<uint64_t>(b), 2);
  }
  return text;
}

[[noreturn]] void throw_unknown(std::span<const std::byte> bytes,
                                const std::string& origin,
                                const std::string& wanted) {
  if (bytes.empty()) {
    throw DataError(str_cat(origin, ": the file is empty, want ", wanted));
  }
  throw DataError(str_cat(origin, ": not ", wanted, " (", bytes.size(),
                          " bytes, the first are ", first_bytes(bytes), ")"));
}

[[noreturn]] void throw_claim(const std::string& origin, ClaimedSize size,
                              const std::string& why) {
  throw DataError(
      str_cat(origin, ": claims ", size.height, " x ", size.width, " ", why));
}

}  // namespace

std::optional<Format> detect_format(std::span<const std::byte> bytes) {
  static constexpr std::array<uint8_t, 3> kJpeg = {0xff, 0xd8, 0xff};
  static constexpr std::array<uint8_t, 8> kPng = {0x89, 'P',  'N',  'G',
                                                  '\r', '\n', 0x1a, '\n'};
  static constexpr std::array<uint8_t, 2> kGzip = {0x1f, 0x8b};
  if (starts_with(bytes, kJpeg)) {
    return Format::kJpeg;
  }
  if (starts_with(bytes, kPng)) {
    return Format::kPng;
  }
  if (starts_with(bytes, kGzip)) {
    return Format::kNiftiGz;
  }
  if (starts_like_nifti(bytes)) {
    return Format::kNifti;
  }
  return std::nullopt;
}

void check_claimed_size(ClaimedSize size, size_t file_bytes,
                        int64_t pixels_per_byte, const std::string& origin,
                        const DecodeLimits& limits) {
  const auto [height, width] = size;
  const int64_t max_pixels = std::min(limits.max_pixels, limits.max_elements);
  if (height < 1 || width < 1) {
    throw_claim(origin, size, "pixels (height x width), want at least 1 x 1");
  }
  if (height > max_pixels / width) {
    throw_claim(origin, size, str_cat("pixels, the limit is ", max_pixels));
  }
  if (height * width / pixels_per_byte > static_cast<int64_t>(file_bytes)) {
    throw_claim(origin, size,
                str_cat("pixels, which ", file_bytes, " bytes cannot hold"));
  }
}

Image allocate_image(ClaimedSize size, size_t file_bytes,
                     int64_t pixels_per_byte, const std::string& origin,
                     const DecodeLimits& limits) {
  check_claimed_size(size, file_bytes, pixels_per_byte, origin, limits);
  Image image{size.height, size.width, {}};
  image.rgb.resize(static_cast<size_t>(3 * size.height * size.width));
  return image;
}

Image decode_image(std::span<const std::byte> bytes, const std::string& origin,
                   const DecodeLimits& limits) {
  const std::optional<Format> format = detect_format(bytes);
  if (format == Format::kJpeg) {
    return decode_jpeg(bytes, origin, limits);
  }
  if (format == Format::kPng) {
    return decode_png(bytes, origin, limits);
  }
  throw_unknown(bytes, origin, "a JPEG or PNG picture");
}

Volume decode_volume(std::span<const std::byte> bytes,
                     const std::string& origin, const DecodeLimits& limits) {
  const std::optional<Format> format = detect_format(bytes);
  if (format == Format::kNifti || format == Format::kNiftiGz) {
    return decode_nifti(bytes, *format, origin, limits);
  }
  throw_unknown(bytes, origin, "a NIfTI scan (.nii or .nii.gz)");
}

}  // namespace voxlift::dataio
