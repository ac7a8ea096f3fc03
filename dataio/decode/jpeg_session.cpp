#include "dataio/decode/jpeg_session.h"

namespace voxlift::dataio {

namespace {

// Decoding time of a progressive file grows with its scans, which cost few
// bytes each; real files have about ten.
constexpr int kMaxScans = 200;

}  // namespace

JpegSession::JpegSession(std::span<const std::byte> bytes,
                         const std::string& origin)
    : origin_(origin) {
  // jpeg_mem_src() fails then, too late: no destructor frees what libjpeg has.
  if (bytes.empty()) {
    throw DataError(origin + ": damaged JPEG: no bytes");
  }
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

JpegSession::~JpegSession() {
  jpeg_destroy_decompress(&info_);
}

void JpegSession::read_header() {
  run([&] { jpeg_read_header(&info_, TRUE); });
  switch (info_.jpeg_color_space) {
    case JCS_GRAYSCALE:
    case JCS_RGB:
    case JCS_YCbCr:
      info_.out_color_space = JCS_RGB;
      return;
    case JCS_CMYK:
    case JCS_YCCK:
      info_.out_color_space = JCS_CMYK;
      return;
    default:
      throw DataError(str_cat(origin_, ": JPEG with ", info_.num_components,
                              " components of no known colour space, want 1 "
                              "(grey), 3 (colour) or 4 (CMYK)"));
  }
}

JpegSession& JpegSession::of(j_common_ptr info) {
  return *static_cast<JpegSession*>(info->client_data);
}

void JpegSession::on_error(j_common_ptr info) {
  JpegSession& session = of(info);
  info->err->format_message(info, session.message_);
  session.leave();
}

// Levels above -1 are traces; -1 is a warning: the data is damaged and libjpeg
// would make pixels up. Those that cost no pixel are let through.
void JpegSession::on_message(j_common_ptr info, int level) {
  const int code = info->err->msg_code;
  const bool harmless = code == JWRN_EXTRANEOUS_DATA ||
                        code == JWRN_JFIF_MAJOR || code == JWRN_BOGUS_ICC;
  if (level < 0 && !harmless) {
    on_error(info);
  }
}

void JpegSession::on_progress(j_common_ptr info) {
  JpegSession& session = of(info);
  if (session.info_.input_scan_number > kMaxScans) {
    std::snprintf(session.message_, sizeof(session.message_),
                  "more than %d scans", kMaxScans);
    session.leave();
  }
}

}  // namespace voxlift::dataio
