#include "dataio/encode/jpeg_restarts.h"

#include <cstdlib>
#include <string>

#include "base/error.h"
#include "dataio/decode/decoder.h"
#include "dataio/decode/jpeg_session.h"

namespace voxlift::dataio {

namespace {

// Blocks between restarts: each costs some five bytes, and a crop decodes half
// an interval more than it needs on either side.
constexpr unsigned kMaxIntervalMcus = 9;

unsigned ceil_div(unsigned a, unsigned b) {
  return (a + b - 1) / b;
}

// The largest divisor of a row that is no longer than wanted; short ones cost
// too much, so a row of a prime number of blocks is one interval.
unsigned choose_interval(unsigned mcus_per_row) {
  constexpr unsigned kMinIntervalMcus = 4;
  for (unsigned length = kMaxIntervalMcus; length >= kMinIntervalMcus;
       --length) {
    if (mcus_per_row % length == 0) {
      return length;
    }
  }
  return mcus_per_row;
}

unsigned mcus_per_row(const jpeg_decompress_struct& info) {
  // A lone component is coded block by block, whatever its sampling says.
  const auto width = info.num_components == 1
                         ? 8U
                         : 8U * static_cast<unsigned>(info.max_h_samp_factor);
  return ceil_div(info.image_width, width);
}

// libjpeg's state while a file is written. Its errors end the write.
struct JpegSink {
  JpegSink() {
    info.err = jpeg_std_error(&errors);
    errors.error_exit = [](j_common_ptr common) {
      std::longjmp(static_cast<JpegSink*>(common->client_data)->escape, 1);
    };
    info.client_data = this;
    jpeg_create_compress(&info);
  }

  ~JpegSink() {
    jpeg_destroy_compress(&info);
    std::free(data);  // libjpeg takes it with malloc.
  }

  JpegSink(const JpegSink&) = delete;
  JpegSink& operator=(const JpegSink&) = delete;

  // Runs body(), which holds no object; false if libjpeg gave up.
  template <typename Body>
  bool run(const Body& body) {
    if (setjmp(escape) != 0) {
      return false;
    }
    body();
    return true;
  }

  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  std::jmp_buf escape{};
  unsigned char* data = nullptr;
  unsigned long size = 0;
};

bool transcode(std::span<const std::byte> bytes, JpegSink& sink) {
  const std::string origin = "picture";
  JpegSession session(bytes, origin);
  session.read_header();
  jpeg_decompress_struct& from = session.info();
  if (from.num_components != 1 && from.num_components != 3) {
    return false;
  }
  jvirt_barray_ptr* coefficients = nullptr;
  session.run([&] { coefficients = jpeg_read_coefficients(&from); });
  const unsigned interval = choose_interval(mcus_per_row(from));
  const bool written = sink.run([&] {
    jpeg_mem_dest(&sink.info, &sink.data, &sink.size);
    jpeg_copy_critical_parameters(&from, &sink.info);
    sink.info.optimize_coding = TRUE;
    sink.info.restart_interval = interval;
    jpeg_write_coefficients(&sink.info, coefficients);
    jpeg_finish_compress(&sink.info);
  });
  // Reports damage at the end of the file.
  session.run([&] { jpeg_finish_decompress(&from); });
  return written;
}

}  // namespace

std::optional<std::vector<std::byte>> add_jpeg_restarts(
    std::span<const std::byte> bytes) {
  if (detect_format(bytes) != Format::kJpeg) {
    return std::nullopt;
  }
  JpegSink sink;
  try {
    if (!transcode(bytes, sink)) {
      return std::nullopt;
    }
    const auto* begin = reinterpret_cast<const std::byte*>(sink.data);
    std::vector<std::byte> out(begin, begin + sink.size);
    const Image before = decode_image(bytes, "picture");
    const Image after = decode_image(out, "picture");
    if (before.width == after.width && before.rgb == after.rgb) {
      return out;
    }
  } catch (const DataError&) {
    // Damaged: for whoever decodes it to say.
  }
  return std::nullopt;
}

}  // namespace voxlift::dataio
