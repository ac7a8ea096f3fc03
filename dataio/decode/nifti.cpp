// NIfTI files: one file, or a header and its image beside it.

#include "dataio/decode/nifti.h"

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/decode/byte_source.h"
#include "dataio/decode/formats.h"
#include "dataio/decode/volume_formats.h"

namespace voxlift::dataio {

namespace {

NiftiHeader read_header(ByteSource& source, const std::string& origin) {
  std::array<std::byte, kMaxNiftiHeaderBytes> bytes;
  // Version 1 first: what follows it may be voxels already.
  constexpr size_t kShort = 348;
  size_t num_read = source.read(std::span(bytes).first(kShort));
  const bool longer = num_read == kShort && bytes[0] != std::byte{0x5c} &&
                      bytes[3] != std::byte{0x5c};
  if (longer) {
    num_read += source.read(std::span(bytes).subspan(kShort));
  }
  return parse_nifti_header(std::span(bytes).first(num_read), origin);
}

// `source` stands at the start of the voxels.
Volume read_frame(ByteSource& source, const NiftiHeader& header,
                  int64_t position, const std::string& origin,
                  const DecodeLimits& limits) {
  Volume volume;
  volume.shape = header.shape;
  volume.spacing_mm = header.spacing_mm;
  volume.affine = header.affine;
  check_claim(header.shape, header.code.type, source, origin, limits);
  const int64_t frame = pick_frame(position, header.num_frames, origin);
  const int64_t frame_bytes =
      volume.num_voxels() * scalar_bytes(header.code.type);
  if (frame > source.max_bytes() / frame_bytes) {
    throw DataError(str_cat(origin, ": the file cannot hold frame ", frame,
                            " of ", frame_bytes, " bytes each"));
  }
  skip_exactly(source, frame * frame_bytes, origin);
  read_scalars(source, header.code, volume.num_voxels(), origin, volume.voxels);
  source.finish();
  return volume;
}

bool starts_with_gzip_magic(const std::string& path) {
  std::array<std::byte, 2> magic{};
  make_file_source(path)->read(magic);
  return magic[0] == std::byte{0x1f} && magic[1] == std::byte{0x8b};
}

std::unique_ptr<ByteSource> open(const std::string& path) {
  return starts_with_gzip_magic(path)
             ? make_gzip_source(make_file_source(path), path)
             : make_file_source(path);
}

// The other file of a pair: `path` with `from` (".hdr" or ".hdr.gz") replaced
// by `to`, compressed or not. Throws DataError if neither exists.
std::string partner(const std::string& path, const std::string& from,
                    const std::string& to) {
  const std::string plain =
      path.ends_with(".gz") ? path.substr(0, path.size() - 3) : path;
  if (!plain.ends_with(from)) {
    throw DataError(str_cat(path, ": the ", from == ".hdr" ? "header" : "image",
                            " of a NIfTI pair, want a name that ends with ",
                            from));
  }
  const std::string other = plain.substr(0, plain.size() - from.size()) + to;
  const RealFiles files;
  for (const char* end : {path == plain ? "" : ".gz", "", ".gz"}) {
    if (files.exists(other + end)) {
      return other + end;
    }
  }
  throw DataError(str_cat(path, ": no ", base_name(other),
                          " or .gz of it beside it (half of a NIfTI pair)"));
}

}  // namespace

Volume decode_nifti(std::span<const std::byte> bytes, Format format,
                    const std::string& origin, const DecodeLimits& limits) {
  const std::unique_ptr<ByteSource> source =
      format == Format::kNiftiGz ? make_gzip_source(bytes, origin)
                                 : make_memory_source(bytes);
  const NiftiHeader header = read_header(*source, origin);
  if (header.is_pair) {
    throw DataError(origin +
                    ": the header of a .hdr and .img pair; want a single-file "
                    "NIfTI (.nii, .nii.gz)");
  }
  skip_exactly(*source, header.voxel_offset - header.header_bytes, origin);
  return read_frame(*source, header, -1, origin, limits);
}

Volume read_nifti(const VolumeFile& file, const DecodeLimits& limits,
                  VolumeNotes& notes) {
  const bool image_given =
      file.path.ends_with(".img") || file.path.ends_with(".img.gz");
  const std::string header_path =
      image_given ? partner(file.path, ".img", ".hdr") : file.path;
  std::unique_ptr<ByteSource> source = open(header_path);
  const NiftiHeader header = read_header(*source, header_path);
  std::string voxel_path = header_path;
  int64_t gap = header.voxel_offset - header.header_bytes;
  if (header.is_pair) {
    voxel_path = image_given ? file.path : partner(file.path, ".hdr", ".img");
    source->finish();
    source = open(voxel_path);
    gap = header.voxel_offset;
  }
  notes.format = str_cat("NIfTI-", header.version);
  notes.stored_type = scalar_name(header.code.type);
  skip_exactly(*source, gap, voxel_path);
  return read_frame(*source, header, file.position, voxel_path, limits);
}

}  // namespace voxlift::dataio
