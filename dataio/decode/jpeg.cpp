// JPEG through libjpeg-turbo.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataio/decode/formats.h"
#include "dataio/decode/jpeg_session.h"

namespace voxlift::dataio {

namespace {

void read_rgb(JpegSession& session, Image& image) {
  jpeg_decompress_struct& info = session.info();
  session.run([&] {
    jpeg_start_decompress(&info);
    while (info.output_scanline < info.output_height) {
      JSAMPROW row = image.pixel(info.output_scanline, 0);
      jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
  });
}

// Amount of ink over paper to light. Adobe's programs store 255 - ink.
void ink_to_light(const uint8_t* cmyk, bool inverted, int64_t width,
                  uint8_t* rgb) {
  const int flip = inverted ? 0 : 255;
  for (int64_t x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int black = cmyk[3] ^ flip;
    for (int c = 0; c < 3; ++c) {
      rgb[c] = static_cast<uint8_t>(((cmyk[c] ^ flip) * black + 127) / 255);
    }
  }
}

void read_cmyk(JpegSession& session, Image& image) {
  jpeg_decompress_struct& info = session.info();
  std::vector<uint8_t> line(static_cast<size_t>(4 * image.width));
  session.run([&] {
    jpeg_start_decompress(&info);
    while (info.output_scanline < info.output_height) {
      const int64_t y = info.output_scanline;
      JSAMPROW row = line.data();
      jpeg_read_scanlines(&info, &row, 1);
      ink_to_light(row, info.saw_Adobe_marker != 0, image.width,
                   image.pixel(y, 0));
    }
    jpeg_finish_decompress(&info);
  });
}

}  // namespace

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& origin,
                  const DecodeLimits& limits) {
  JpegSession session(bytes, origin);
  session.read_header();
  const jpeg_decompress_struct& info = session.info();
  Image image =
      allocate_image({info.image_height, info.image_width}, bytes.size(),
                     kMaxJpegPixelsPerByte, origin, limits);
  if (info.out_color_space == JCS_RGB) {
    read_rgb(session, image);
  } else {
    read_cmyk(session, image);
  }
  return image;
}

}  // namespace voxlift::dataio
