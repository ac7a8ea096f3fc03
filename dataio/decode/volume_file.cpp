#include "dataio/decode/volume_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/decode/byte_source.h"
#include "dataio/decode/dicom_elements.h"
#include "dataio/decode/metaimage_header.h"
#include "dataio/decode/text_header.h"
#include "dataio/decode/volume_formats.h"

namespace voxlift::dataio {

namespace {

using Reader = Volume (*)(const VolumeFile&, const DecodeLimits&, VolumeNotes&);

// Which fields of VolumeFile a format has a meaning for.
struct FormatReader {
  Reader read = nullptr;
  bool has_parts = false;
  bool has_frames = false;
  bool has_slices = false;
};

constexpr FormatReader kNifti = {read_nifti, false, true, false};
constexpr FormatReader kDicom = {read_dicom_file, false, true, false};
constexpr FormatReader kDicomFolder = {read_dicom_folder, true, false, false};
constexpr FormatReader kMetaImage = {read_metaimage, false, false, false};
constexpr FormatReader kNrrd = {read_nrrd, false, true, false};
constexpr FormatReader kNpy = {read_npy, false, true, false};
constexpr FormatReader kNpz = {read_npz, true, true, false};
constexpr FormatReader kPicture = {read_colour_planes, true, false, false};
constexpr FormatReader kPng = {read_png_slice, false, false, false};
constexpr FormatReader kPngFolder = {read_png_folder, false, false, true};

constexpr size_t kHeadBytes = 1024;

std::string read_head(ByteSource& source) {
  std::string head(kHeadBytes, '\0');
  head.resize(source.read(std::as_writable_bytes(std::span(head))));
  return head;
}

bool starts_with(std::string_view head, std::string_view magic) {
  return head.substr(0, magic.size()) == magic;
}

bool is_nifti(std::string_view head) {
  using std::string_view_literals::operator""sv;
  // The length of the header, 348 or 540, in either byte order.
  return starts_with(head, "\x5c\x01\0\0"sv) ||
         starts_with(head, "\0\0\x01\x5c"sv) ||
         starts_with(head, "\x1c\x02\0\0"sv) ||
         starts_with(head, "\0\0\x02\x1c"sv);
}

// Formats that are known and not read: what to say instead of "unknown".
std::string refused_format(std::string_view head) {
  using std::string_view_literals::operator""sv;
  static constexpr std::array<std::pair<std::string_view, const char*>, 12>
      kRefused = {
          {{"\xff\xd8\xff"sv, "JPEG: a photograph, not a scan"},
           {"II*\0"sv, "TIFF is not read; convert it to PNG or NIfTI"},
           {"MM\0*"sv, "TIFF is not read; convert it to PNG or NIfTI"},
           {"II+\0"sv, "BigTIFF is not read; convert it to NIfTI"},
           {"MM\0+"sv, "BigTIFF is not read; convert it to NIfTI"},
           {"RIFF"sv, "RIFF (WebP?) is not read"},
           {"GIF8"sv, "GIF is not read"},
           {"BM"sv, "BMP is not read"},
           {"BZh"sv, "a bzip2 file is not read; unpack it first"},
           {"\x28\xb5\x2f\xfd"sv, "a zstd file is not read; unpack it first"},
           {"\xfd\x37zXZ"sv, "an xz file is not read; unpack it first"},
           {"SIMPLE  ="sv, "FITS is not read"}}};
  static constexpr std::string_view kHdf5 = "\x89HDF\r\n\x1a\n"sv;
  // A user block of 512 bytes may stand before HDF5's own.
  if (starts_with(head, kHdf5) ||
      (head.size() > 512 && starts_with(head.substr(512), kHdf5))) {
    return "HDF5 is read only as packed shards; convert it to NIfTI or .npy";
  }
  for (const auto& [magic, why] : kRefused) {
    if (starts_with(head, magic)) {
      return why;
    }
  }
  return "";
}

std::string first_bytes(std::string_view head) {
  std::string text;
  for (const char c : head.substr(0, 4)) {
    text += (text.empty() ? "" : " ") + hex(static_cast<unsigned char>(c), 2);
  }
  return text;
}

// What a gzip file holds; only NIfTI is read out of one.
FormatReader gzip_reader(const std::string& path) {
  if (path.ends_with(".img.gz")) {
    return kNifti;  // Half of a pair: bare voxels.
  }
  const auto inner = make_gzip_source(make_file_source(path), path);
  const std::string head = read_head(*inner);
  if (!is_nifti(head)) {
    throw DataError(str_cat(path, ": gzip of what is no NIfTI (it starts with ",
                            first_bytes(head), "); unpack it first"));
  }
  return kNifti;
}

FormatReader file_reader(const std::string& path) {
  const auto source = make_file_source(path);
  const int64_t num_bytes = source->max_bytes();
  const std::string head = read_head(*source);
  if (head.empty()) {
    throw DataError(path + ": the file is empty, want a scan");
  }
  if (starts_with(head, "\x1f\x8b")) {
    return gzip_reader(path);
  }
  if (is_nifti(head) || path.ends_with(".img")) {
    return kNifti;
  }
  if (starts_with(head, "NRRD")) {
    return kNrrd;
  }
  if (starts_with(head, "\x93NUMPY")) {
    return kNpy;
  }
  if (starts_with(head, "PK\x03\x04") || starts_with(head, "PK\x05\x06")) {
    return kNpz;
  }
  if (starts_with(head, "\x89PNG\r\n\x1a\n")) {
    return kPng;
  }
  if (starts_like_dicom(as_bytes(head))) {
    return kDicom;
  }
  if (starts_like_metaimage(head)) {
    return kMetaImage;
  }
  const std::string refused = refused_format(head);
  if (!refused.empty()) {
    throw DataError(path + ": " + refused);
  }
  throw DataError(str_cat(path, ": no scan of a known format (", num_bytes,
                          " bytes, the first are ", first_bytes(head), ")"));
}

// Pictures are scans only where their planes are asked for.
FormatReader reader_of_file(const VolumeFile& file) {
  if (file.part == kColourPlanes && !file.path.ends_with(".npz")) {
    return kPicture;
  }
  return file_reader(file.path);
}

// A field that a format has no meaning for is a mistake in the data set's list.
void check_fields(const VolumeFile& file, const FormatReader& reader) {
  if (!file.part.empty() && !reader.has_parts) {
    throw DataError(str_cat(file.path, ": part '", file.part,
                            "' is asked for, this format has no parts"));
  }
  if (file.position >= 0 && !reader.has_frames) {
    throw DataError(str_cat(file.path, ": position ", file.position,
                            " is asked for, this format has no frames"));
  }
  if ((file.first_slice >= 0 || file.last_slice >= 0) && !reader.has_slices) {
    throw DataError(str_cat(file.path, ": slices ", file.first_slice, " to ",
                            file.last_slice,
                            " are asked for, this is no folder of slices"));
  }
}

}  // namespace

int64_t pick_frame(int64_t position, int64_t num_frames,
                   const std::string& origin) {
  if (position < 0 && num_frames != 1) {
    throw DataError(str_cat(origin, ": holds ", num_frames,
                            " frames, want one frame or a position"));
  }
  if (position >= num_frames) {
    throw DataError(str_cat(origin, ": position ", position,
                            " is asked for, there are ", num_frames,
                            " frames"));
  }
  return std::max<int64_t>(position, 0);
}

std::string beside_header(const std::string& header_path,
                          const std::string& name) {
  const bool plain = !name.empty() && name != "." && name != ".." &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return c != '/' && c != '\\' && c != '%' && c >= ' ';
                     });
  if (!plain) {
    throw DataError(str_cat(header_path, ": data file '", printable(name),
                            "', want the plain name of a file beside it"));
  }
  return join_path(parent_dir(header_path), name);
}

Volume read_volume(const VolumeFile& file, const DecodeLimits& limits,
                   VolumeNotes* notes) {
  const bool is_folder = RealFiles().is_dir(file.path);
  const FormatReader reader = !is_folder                  ? reader_of_file(file)
                              : has_png_slices(file.path) ? kPngFolder
                                                          : kDicomFolder;
  check_fields(file, reader);
  VolumeNotes unused;
  return reader.read(file, limits, notes == nullptr ? unused : *notes);
}

}  // namespace voxlift::dataio
