// PNG through libpng.

#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/formats.h"

namespace voxlift::dataio {

namespace {

// Deflate makes at most 1032 bytes of one, and a byte holds 8 pixels of 1 bit.
constexpr int64_t kMaxPixelsPerByte = int64_t{8} * 1032;

// Memory that one chunk beside the pixels may take.
constexpr png_alloc_size_t kMaxChunkBytes = 8 << 20;

// libpng's state; its calls are made in run(), for the reason told in jpeg.cpp.
class PngSession {
 public:
  PngSession(std::span<const std::byte> bytes, const std::string& origin)
      : rest_(bytes), origin_(origin) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error,
                                  on_warning);
    info_ = png_ == nullptr ? nullptr : png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw InternalError("libpng cannot make its state");
    }
    png_set_read_fn(png_, this, on_read);
    png_set_crc_action(png_, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
    png_set_chunk_malloc_max(png_, kMaxChunkBytes);
    // Passes over chunks that do not change pixels (text, profiles; -1: all):
    // libpng takes memory for what a text claims, up to 2 GiB, before it looks
    // for the bytes; the limit above only makes it warn.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  }

  ~PngSession() { png_destroy_read_struct(&png_, &info_, nullptr); }

  PngSession(const PngSession&) = delete;
  PngSession& operator=(const PngSession&) = delete;

  png_structp png() { return png_; }

  png_infop info() { return info_; }

  // Calls body(), which may call libpng. Throws DataError with its message.
  template <typename Body>
  void run(const Body& body) {
    if (!reaches_end(body)) {
      throw DataError(str_cat(origin_, ": damaged PNG: ", message_));
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

  static void on_error(png_structp png, png_const_charp message) {
    auto& session = *static_cast<PngSession*>(png_get_error_ptr(png));
    std::snprintf(session.message_, sizeof(session.message_), "%s", message);
    longjmp(session.escape_, 1);
  }

  static void on_warning(png_structp /*png*/, png_const_charp /*message*/) {}

  static void on_read(png_structp png, png_bytep out, size_t num_bytes) {
    auto& session = *static_cast<PngSession*>(png_get_io_ptr(png));
    if (num_bytes > session.rest_.size()) {
      png_error(png, "the file ends early");
    }
    std::memcpy(out, session.rest_.data(), num_bytes);
    session.rest_ = session.rest_.subspan(num_bytes);
  }

  std::span<const std::byte> rest_;
  const std::string& origin_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf escape_{};
  char message_[160] = {};
};

// Asks for 8-bit RGB whatever is stored.
void choose_output(png_structp png) {
  png_set_expand(png);  // Palette, 1/2/4 bits and tRNS.
  png_set_scale_16(png);
  png_set_gray_to_rgb(png);
  png_set_strip_alpha(png);
}

}  // namespace

Image decode_png(std::span<const std::byte> bytes, const std::string& origin,
                 const DecodeLimits& limits) {
  PngSession session(bytes, origin);
  png_structp png = session.png();
  session.run([&] { png_read_info(png, session.info()); });
  const ClaimedSize size{png_get_image_height(png, session.info()),
                         png_get_image_width(png, session.info())};
  Image image =
      allocate_image(size, bytes.size(), kMaxPixelsPerByte, origin, limits);
  session.run([&] {
    choose_output(png);
    const int num_passes = png_set_interlace_handling(png);
    png_read_update_info(png, session.info());
    if (png_get_rowbytes(png, session.info()) !=
        static_cast<size_t>(3 * image.width)) {
      png_error(png, "no conversion to RGB");
    }
    for (int pass = 0; pass < num_passes; ++pass) {
      for (int64_t y = 0; y < image.height; ++y) {
        png_read_row(png, image.pixel(y, 0), nullptr);
      }
    }
    png_read_end(png, nullptr);
  });
  return image;
}

GreyImage decode_grey_png(std::span<const std::byte> bytes,
                          const std::string& origin,
                          const DecodeLimits& limits) {
  PngSession session(bytes, origin);
  png_structp png = session.png();
  session.run([&] { png_read_info(png, session.info()); });
  const int color_type = png_get_color_type(png, session.info());
  const int bits = png_get_bit_depth(png, session.info());
  if (color_type != PNG_COLOR_TYPE_GRAY || (bits != 8 && bits != 16)) {
    throw DataError(str_cat(origin, ": PNG of colour type ", color_type,
                            " with ", bits,
                            " bits, a slice has colour type 0 (grey) with 8 or "
                            "16 bits"));
  }
  const ClaimedSize size{png_get_image_height(png, session.info()),
                         png_get_image_width(png, session.info())};
  check_claimed_size(size, bytes.size(), kMaxPixelsPerByte, origin, limits);
  GreyImage image{size.height, size.width, bits, {}};
  const auto row_bytes = static_cast<size_t>(size.width * bits / 8);
  image.bytes.resize(static_cast<size_t>(size.height) * row_bytes);
  session.run([&] {
    const int num_passes = png_set_interlace_handling(png);
    png_read_update_info(png, session.info());
    for (int pass = 0; pass < num_passes; ++pass) {
      for (size_t y = 0; y < static_cast<size_t>(size.height); ++y) {
        std::byte* row = image.bytes.data() + y * row_bytes;
        png_read_row(png, reinterpret_cast<png_bytep>(row), nullptr);
      }
    }
    png_read_end(png, nullptr);
  });
  return image;
}

}  // namespace voxlift::dataio
