#include "dataio/encode/png_writer.h"

#include <png.h>

#include <cstdint>

#include "base/error.h"

namespace voxlift::dataio {

namespace {

// libpng's simplified interface: no longjmp reaches us.
png_image describe(const Image& image) {
  png_image description{};
  description.version = PNG_IMAGE_VERSION;
  description.width = static_cast<png_uint_32>(image.width);
  description.height = static_cast<png_uint_32>(image.height);
  description.format = PNG_FORMAT_RGB;
  return description;
}

}  // namespace

std::vector<std::byte> encode_png(const Image& image) {
  VOXLIFT_CHECK(image.height > 0 && image.width > 0, "empty picture");
  png_image description = describe(image);
  png_alloc_size_t num_bytes = PNG_IMAGE_PNG_SIZE_MAX(description);
  std::vector<std::byte> bytes(num_bytes);
  const int done = png_image_write_to_memory(
      &description, bytes.data(), &num_bytes, 0, image.rgb.data(), 0, nullptr);
  VOXLIFT_CHECK(done != 0, description.message);
  bytes.resize(num_bytes);
  return bytes;
}

}  // namespace voxlift::dataio
