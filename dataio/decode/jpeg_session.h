#pragma once
// libjpeg's state while one JPEG is read, and the way out of its errors.

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>

// The library wants <cstdio> before it, and its parts in this order.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::dataio {

// A Huffman-coded block of 64 pixels takes at least one bit, so 512 pixels a
// byte; twice that leaves room for components that are sampled less often.
inline constexpr int64_t kMaxJpegPixelsPerByte = 1024;

// libjpeg leaves a failed call by longjmp, which skips destructors: so its
// calls are made in run(), whose body holds no object, and everything with a
// destructor lives outside.
//
// One session reads one file. libjpeg would keep the tables of one file for the
// next, so that a file without tables would decode after some files and not
// after others.
//
// Borrows `bytes` and `origin`. One thread.
class JpegSession {
 public:
  JpegSession(std::span<const std::byte> bytes, const std::string& origin);
  ~JpegSession();
  JpegSession(const JpegSession&) = delete;
  JpegSession& operator=(const JpegSession&) = delete;

  jpeg_decompress_struct& info() { return info_; }

  const std::string& origin() const { return origin_; }

  // Reads up to the first scan and sets what libjpeg converts to: RGB where it
  // can, else CMYK. Throws DataError if it can do neither.
  void read_header();

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

  [[noreturn]] void leave() { std::longjmp(escape_, 1); }

  static JpegSession& of(j_common_ptr info);
  static void on_error(j_common_ptr info);
  static void on_message(j_common_ptr info, int level);
  static void on_progress(j_common_ptr info);

  const std::string& origin_;
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf escape_{};
  char message_[JMSG_LENGTH_MAX] = {};
};

}  // namespace voxlift::dataio
