// JPEG through libjpeg-turbo.

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

// The library wants <cstdio> before it, and its parts in this order.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/formats.h"

namespace voxlift::dataio {

namespace {

// A Huffman-coded block of 64 pixels takes at least one bit, so 512 pixels a
// byte; twice that leaves room for components that are sampled less often.
constexpr int64_t kMaxPixelsPerByte = 1024;

// Decoding time of a progressive file grows with its scans, which cost few
// bytes each; real files have about ten.
constexpr int kMaxScans = 200;

// libjpeg's state. libjpeg leaves a failed call by longjmp, which skips
// destructors: so its calls are made in run(), whose body holds no object, and
// everything with a destructor lives outside.
class JpegSession {
 public:
  explicit JpegSession(std::span<const std::byte> bytes,
                       const std::string& origin)
      : origin_(origin) {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = on_error;
    errors_.emit_message = on_message;
    info_.client_data = this;
    progress_.progress_monitor = on_progress;
    run([&] {
      jpeg_create_decompress(&info_);
      info_.progress = &progress_;
      jpeg_mem_src(&info_, reinterpret_cast<const uint8_t*>(bytes.data()),
                   bytes.size());
    });
  }

  ~JpegSession() { jpeg_destroy_decompress(&info_); }

  JpegSession(const JpegSession&) = delete;
  JpegSession& operator=(const JpegSession&) = delete;

  jpeg_decompress_struct& info() { return info_; }

  // Calls body(), which may call libjpeg. Throws DataError with its message.
  template <typename Body>
  void run(const Body& body) {
    if (!reaches_end(body)) {
      throw DataError(str_cat(origin_, ": damaged JPEG: ", message_));
    }
  }

 private:
  template <typename Body>
  bool reaches_end(const Body& body) {
    if (setjmp(escape_) != 0) {
      return false;
    }
    body();
    return true;
  }

  [[noreturn]] void leave() { longjmp(escape_, 1); }

  static JpegSession& of(j_common_ptr info) {
    return *static_cast<JpegSession*>(info->client_data);
  }

  static void on_error(j_common_ptr info) {
    JpegSession& session = of(info);
    info->err->format_message(info, session.message_);
    session.leave();
  }

  // Levels above -1 are traces; -1 is a warning: the data is damaged and
  // libjpeg would make pixels up. Those that cost no pixel are let through.
  static void on_message(j_common_ptr info, int level) {
    const int code = info->err->msg_code;
    const bool harmless = code == JWRN_EXTRANEOUS_DATA ||
                          code == JWRN_JFIF_MAJOR || code == JWRN_BOGUS_ICC;
    if (level < 0 && !harmless) {
      on_error(info);
    }
  }

  static void on_progress(j_common_ptr info) {
    JpegSession& session = of(info);
    if (session.info_.input_scan_number > kMaxScans) {
      std::snprintf(session.message_, sizeof(session.message_),
                    "more than %d scans", kMaxScans);
      session.leave();
    }
  }

  const std::string& origin_;
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf escape_{};
  char message_[JMSG_LENGTH_MAX] = {};
};

// Sets what libjpeg converts to: RGB where it can, else CMYK.
void choose_output(jpeg_decompress_struct& info, const std::string& origin) {
  switch (info.jpeg_color_space) {
    case JCS_GRAYSCALE:
    case JCS_RGB:
    case JCS_YCbCr:
      info.out_color_space = JCS_RGB;
      return;
    case JCS_CMYK:
    case JCS_YCCK:
      info.out_color_space = JCS_CMYK;
      return;
    default:
      throw DataError(str_cat(origin, ": JPEG with ", info.num_components,
                              " components of no known colour space, want 1 "
                              "(grey), 3 (colour) or 4 (CMYK)"));
  }
}

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
  jpeg_decompress_struct& info = session.info();
  session.run([&] { jpeg_read_header(&info, TRUE); });
  choose_output(info, origin);
  Image image = allocate_image({info.image_height, info.image_width},
                               bytes.size(), kMaxPixelsPerByte, origin, limits);
  if (info.out_color_space == JCS_RGB) {
    read_rgb(session, image);
  } else {
    read_cmyk(session, image);
  }
  return image;
}

}  // namespace voxlift::dataio
