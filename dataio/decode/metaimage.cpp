#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/byte_source.h"
#include "dataio/decode/metaimage_header.h"
#include "dataio/decode/text_header.h"
#include "dataio/decode/volume_formats.h"

namespace voxlift::dataio {

namespace {

// At the first voxel of `path`, inflating where the header says so.
std::unique_ptr<ByteSource> open_voxels(const MetaImageHeader& header,
                                        const std::string& path,
                                        int64_t voxel_bytes) {
  int64_t start = header.data_file.empty() ? header.header_bytes : 0;
  if (header.skipped_bytes >= 0) {
    start += header.skipped_bytes;
  } else {
    start = make_file_source(path)->max_bytes() - voxel_bytes;
  }
  if (start < 0) {
    throw DataError(str_cat(path, ": the header claims ", voxel_bytes,
                            " bytes of voxels at the end of the file, which "
                            "has ",
                            start + voxel_bytes));
  }
  auto source = make_file_source(path, start);
  return header.compressed ? make_zlib_source(std::move(source), path)
                           : std::move(source);
}

}  // namespace

Volume read_metaimage(const VolumeFile& file, const DecodeLimits& limits,
                      VolumeNotes& notes) {
  const MetaImageHeader header =
      parse_metaimage_header(read_text_head(file.path), file.path);
  const std::string path = header.data_file.empty()
                               ? file.path
                               : beside_header(file.path, header.data_file);
  check_shape(header.shape, file.path, limits);
  Volume volume;
  volume.shape = header.shape;
  volume.spacing_mm = header.spacing_mm;
  volume.affine = affine_from_lps(header.placement);
  const auto source = open_voxels(
      header, path, volume.num_voxels() * scalar_bytes(header.code.type));
  check_claim(header.shape, header.code.type, *source, path, limits);
  read_scalars(*source, header.code, volume.num_voxels(), path, volume.voxels);
  source->finish();
  notes.format = "MetaImage";
  notes.stored_type = scalar_name(header.code.type);
  return volume;
}

}  // namespace voxlift::dataio
