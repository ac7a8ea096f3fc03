#include "dataio/decode/jpeg_region.h"

#include <algorithm>

#include "base/error.h"
#include "dataio/decode/formats.h"
#include "dataio/decode/jpeg_cut.h"

namespace voxlift::dataio {

namespace {

// Rows in the buffer, and how many of them libjpeg is asked for at once: the
// row before those must survive.
constexpr int64_t kRingRows = 16;
constexpr int64_t kRowsAtOnce = 8;

// Chroma of half the width is interpolated between neighbours, of which the
// outermost columns that libjpeg makes lack one.
int64_t margin_columns(const jpeg_decompress_struct& info) {
  return info.max_h_samp_factor > 1 ? 2 : 0;
}

}  // namespace

JpegRegionReader::JpegRegionReader(std::span<const std::byte> bytes,
                                   const std::string& origin,
                                   const DecodeLimits& limits)
    : bytes_(bytes), session_(bytes, origin) {
  session_.read_header();
  check_claimed_size({height(), width()}, bytes.size(), kMaxJpegPixelsPerByte,
                     origin, limits);
}

void JpegRegionReader::start(const JpegRegion& region,
                             std::vector<uint8_t>& buffer,
                             std::vector<std::byte>& cut_bytes) {
  box_ = region.box;
  buffer_ = &buffer;
  cut(region.scale, cut_bytes);
  jpeg_decompress_struct& info = session().info();
  info.scale_num = static_cast<unsigned>(region.scale);
  info.scale_denom = 8;
  session().run([&] { jpeg_start_decompress(&info); });
  const int64_t right = box_.left + box_.width;
  VOXLIFT_CHECK(box_.top >= 0 && box_.left >= 0 && box_.height > 0 &&
                    box_.width > 0 && right <= info.output_width &&
                    box_.top + box_.height <= info.output_height,
                "region outside the picture");
  const int64_t margin = margin_columns(info);
  const int64_t left = std::max<int64_t>(box_.left - margin, 0);
  auto offset = static_cast<JDIMENSION>(left);
  auto columns = static_cast<JDIMENSION>(
      std::min<int64_t>(right + margin, info.output_width) - left);
  session().run([&] {
    jpeg_crop_scanline(&info, &offset, &columns);
    jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(box_.top));
  });
  next_ = box_.top;
  skip_bytes_ = 3 * (box_.left - static_cast<int64_t>(offset));
  stride_bytes_ = 3 * static_cast<int64_t>(info.output_width);
  buffer.resize(static_cast<size_t>(kRingRows * stride_bytes_));
}

void JpegRegionReader::cut(int scale, std::vector<std::byte>& cut_bytes) {
  // Rounded outwards to pixels of the whole size.
  const auto down = [&](int64_t x) { return x * 8 / scale; };
  const auto up = [&](int64_t x) { return (x * 8 + scale - 1) / scale; };
  CropBox wanted;
  wanted.top = down(box_.top);
  wanted.left = down(box_.left);
  wanted.height = std::min(up(box_.top + box_.height), height()) - wanted.top;
  wanted.width = std::min(up(box_.left + box_.width), width()) - wanted.left;
  CropBox kept;
  if (!cut_jpeg(bytes_, wanted, cut_bytes, kept)) {
    return;
  }
  cut_.emplace(cut_bytes, session_.origin());
  cut_->read_header();
  // Blocks have whole numbers of pixels at every scale.
  first_row_ = kept.top * scale / 8;
  box_.top -= first_row_;
  box_.left -= kept.left * scale / 8;
}

const uint8_t* JpegRegionReader::row(int64_t y) {
  y -= first_row_;
  VOXLIFT_CHECK(y >= box_.top && y < box_.top + box_.height &&
                    y > next_ - kRowsAtOnce - 2,
                "row outside the region");
  while (next_ <= y) {
    read_some();
  }
  return slot(y) + skip_bytes_;
}

uint8_t* JpegRegionReader::slot(int64_t y) {
  return buffer_->data() + (y % kRingRows) * stride_bytes_;
}

// libjpeg gives a row or two at a call.
void JpegRegionReader::read_some() {
  JSAMPROW rows[kRowsAtOnce];
  const int64_t wanted = std::min(kRowsAtOnce, box_.top + box_.height - next_);
  for (int64_t i = 0; i < wanted; ++i) {
    rows[i] = slot(next_ + i);
  }
  const int64_t first = next_;
  session().run([&] {
    while (next_ < first + wanted) {
      const int64_t done = next_ - first;
      next_ += jpeg_read_scanlines(&session().info(), rows + done,
                                   static_cast<JDIMENSION>(wanted - done));
    }
  });
}

}  // namespace voxlift::dataio
