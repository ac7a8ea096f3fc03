#include "launcher/bench/bare_jpeg.h"

#include <string>

#include "dataio/decode/jpeg_session.h"

namespace voxlift::launcher {

void bare_decode(const BareJob& job, std::vector<uint8_t>& row) {
  const std::string origin = "bare decode";
  dataio::JpegSession session(job.bytes, origin);
  session.read_header();
  jpeg_decompress_struct& info = session.info();
  info.scale_num = static_cast<unsigned>(job.region.scale);
  info.scale_denom = 8;
  row.resize(size_t{3} * info.image_width);
  JSAMPROW line = row.data();
  const dataio::CropBox& box = job.region.box;
  auto left = static_cast<JDIMENSION>(box.left);
  auto width = static_cast<JDIMENSION>(box.width);
  const auto top = static_cast<JDIMENSION>(box.top);
  const auto bottom = static_cast<JDIMENSION>(box.top + box.height);
  session.run([&] {
    jpeg_start_decompress(&info);
    jpeg_crop_scanline(&info, &left, &width);
    jpeg_skip_scanlines(&info, top);
    while (info.output_scanline < bottom) {
      jpeg_read_scanlines(&info, &line, 1);
    }
  });
}

}  // namespace voxlift::launcher
