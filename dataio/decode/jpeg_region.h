#pragma once
// Decodes a part of a JPEG, and no more of the file than that takes.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataio/crop_box.h"
#include "dataio/decode/decoder.h"
#include "dataio/decode/jpeg_session.h"
#include "dataio/decode/row_source.h"

namespace voxlift::dataio {

// The picture at scale / 8 of its size, and the part of it that is wanted.
struct JpegRegion {
  int scale = 8;  // 1 to 8. libjpeg-turbo has fast code for 1, 2, 4 and 8.
  CropBox box;    // In pixels of the scaled picture, at least 1 x 1.
};

// A JPEG of which one region is decoded. The pixels are those that decoding the
// whole file at this scale gives, bit for bit; what makes it cheaper:
//   above the region   entropy decoding only
//   left and right     entropy decoding only
//   below              not read at all (a progressive file is read to its end)
//   restart intervals  those beside the region are taken out before
//   (jpeg_cut.h)
// So damage of the entropy-coded data below the region goes unnoticed: packing
// has decoded every file completely, and a checksum tells that the bytes have
// not changed since.
//
// Borrows `bytes`, `origin` and the buffer. One thread.
class JpegRegionReader : public RowSource {
 public:
  // Reads the header. Throws DataError naming `origin` if it is damaged, of no
  // known colour space, or claims more than the limits.
  JpegRegionReader(std::span<const std::byte> bytes, const std::string& origin,
                   const DecodeLimits& limits = {});

  int64_t height() { return session_.info().image_height; }

  int64_t width() { return session_.info().image_width; }

  // False for CMYK, which is for decode_image().
  bool gives_rgb() { return session_.info().out_color_space == JCS_RGB; }

  // Prepares `region`, which must lie inside the scaled picture. Once, before
  // row(). `buffer` grows to some rows of the region. Throws DataError.
  // `cut` grows to the encoded bytes.
  void start(const JpegRegion& region, std::vector<uint8_t>& buffer,
             std::vector<std::byte>& cut);

  // Throws DataError where the file is damaged or ends.
  const uint8_t* row(int64_t y) override;

 private:
  // Cuts the region's surroundings away where the file allows it; moves box_.
  void cut(int scale, std::vector<std::byte>& cut);

  JpegSession& session() { return cut_.has_value() ? *cut_ : session_; }

  uint8_t* slot(int64_t y);
  void read_some();

  std::span<const std::byte> bytes_;
  JpegSession session_;
  std::optional<JpegSession> cut_;
  CropBox box_;               // In the picture that session() reads.
  int64_t first_row_ = 0;     // Of that picture in the whole one.
  int64_t next_ = 0;          // The row that libjpeg gives next.
  int64_t stride_bytes_ = 0;  // Of a row in the buffer.
  int64_t skip_bytes_ = 0;    // From the start of a row to column box.left.
  std::vector<uint8_t>* buffer_ = nullptr;
};

}  // namespace voxlift::dataio
