#include "tests/dataio/made_jpeg.h"

#include <cstdio>
#include <cstdlib>

// The library wants <cstdio> before it.
#include <jpeglib.h>

#include "base/random.h"

namespace voxlift::dataio::test {

Bytes styled_jpeg(const Image& image, const JpegStyle& style) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long num_bytes = 0;
  jpeg_mem_dest(&info, &buffer, &num_bytes);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, style.quality, TRUE);
  if (style.grey) {
    jpeg_set_colorspace(&info, JCS_GRAYSCALE);
  } else {
    info.comp_info[0].h_samp_factor = style.across;
    info.comp_info[0].v_samp_factor = style.down;
  }
  if (style.progressive) {
    jpeg_simple_progression(&info);
  }
  info.restart_in_rows = style.restart_rows;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.pixel(info.next_scanline, 0));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  const auto* first = reinterpret_cast<const std::byte*>(buffer);
  Bytes bytes(first, first + num_bytes);
  jpeg_destroy_compress(&info);
  std::free(buffer);
  return bytes;
}

Image noisy_image(int64_t height, int64_t width) {
  Image image = ramp_image(height, width);
  RandomStream draws(1, Purpose::kSynth, 0, 0);
  for (uint8_t& value : image.rgb) {
    value = static_cast<uint8_t>((value * 3 + draws.uniform_int(0, 255)) / 4);
  }
  return image;
}

}  // namespace voxlift::dataio::test
