#include "dataio/encode/jpeg_encoder.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>

// The library wants <cstdio> before it.
// clang-format off
#include <jpeglib.h>
// clang-format on

#include "base/error.h"

namespace voxlift::dataio {

namespace {

// libjpeg's state and the buffer it grows; see JpegSession in decode/jpeg.cpp
// for why its calls are made in run().
class Encoder {
 public:
  Encoder() {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = on_error;
    info_.client_data = this;
    run([&] { jpeg_create_compress(&info_); });
  }

  ~Encoder() {
    jpeg_destroy_compress(&info_);
    // libjpeg's own malloc. NOLINTNEXTLINE(cppcoreguidelines-owning-memory)
    std::free(buffer_);
  }

  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  std::vector<std::byte> encode(const Image& image, int quality) {
    run([&] { write(image, quality); });
    const auto* first = reinterpret_cast<const std::byte*>(buffer_);
    return {first, first + num_bytes_};
  }

 private:
  template <typename Body>
  void run(const Body& body) {
    if (!reaches_end(body)) {
      throw InternalError(std::string("libjpeg: ") + message_);
    }
  }

  template <typename Body>
  bool reaches_end(const Body& body) {
    if (setjmp(escape_) != 0) {
      return false;
    }
    body();
    return true;
  }

  void write(const Image& image, int quality) {
    jpeg_mem_dest(&info_, &buffer_, &num_bytes_);
    info_.image_height = static_cast<JDIMENSION>(image.height);
    info_.image_width = static_cast<JDIMENSION>(image.width);
    info_.input_components = 3;
    info_.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info_);
    jpeg_set_quality(&info_, quality, TRUE);
    info_.optimize_coding = TRUE;
    jpeg_start_compress(&info_, TRUE);
    while (info_.next_scanline < info_.image_height) {
      auto* row = const_cast<JSAMPLE*>(image.pixel(info_.next_scanline, 0));
      jpeg_write_scanlines(&info_, &row, 1);
    }
    jpeg_finish_compress(&info_);
  }

  static void on_error(j_common_ptr info) {
    auto& encoder = *static_cast<Encoder*>(info->client_data);
    info->err->format_message(info, encoder.message_);
    longjmp(encoder.escape_, 1);
  }

  jpeg_compress_struct info_{};
  jpeg_error_mgr errors_{};
  std::jmp_buf escape_{};
  char message_[JMSG_LENGTH_MAX] = {};
  unsigned char* buffer_ = nullptr;
  unsigned long num_bytes_ = 0;  // libjpeg's type.
};

}  // namespace

std::vector<std::byte> encode_jpeg(const Image& image, int quality) {
  VOXLIFT_CHECK(image.height > 0 && image.width > 0, "empty picture");
  VOXLIFT_CHECK(
      image.height <= JPEG_MAX_DIMENSION && image.width <= JPEG_MAX_DIMENSION,
      "picture too long for JPEG");
  VOXLIFT_CHECK(quality >= 1 && quality <= 100, "JPEG quality 1 to 100");
  return Encoder().encode(image, quality);
}

}  // namespace voxlift::dataio
