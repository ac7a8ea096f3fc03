// NIfTI-1: what the header means comes from nifticlib; the bytes come from
// memory, because nifticlib itself reads files only.

#include <nifti1_io.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/byte_source.h"
#include "dataio/decode/formats.h"

namespace voxlift::dataio {

namespace {

struct FreeImage {
  void operator()(nifti_image* image) const { nifti_image_free(image); }
};

using NiftiImage = std::unique_ptr<nifti_image, FreeImage>;

constexpr int kHeaderBytes = 348;
// Header and the four bytes that announce extensions: voxels start no earlier.
constexpr int64_t kMinVoxelOffset = 352;

// A header in this machine's byte order, not yet believed.
struct Header {
  nifti_1_header fields{};
  bool swapped = false;
};

Header read_header(ByteSource& source, const std::string& origin) {
  Header header;
  const size_t num_read = source.read(
      std::as_writable_bytes(std::span<nifti_1_header, 1>(&header.fields, 1)));
  if (num_read < kHeaderBytes) {
    throw DataError(str_cat(origin, ": ", num_read, " bytes, a NIfTI header ",
                            "has ", kHeaderBytes));
  }
  int32_t length = header.fields.sizeof_hdr;
  nifti_swap_4bytes(1, &length);
  header.swapped = length == kHeaderBytes || length == 540;
  return header;
}

// Refuses what is no single-file NIfTI-1, before any other field is read.
void check_kind(const Header& header, const std::string& origin) {
  int32_t length = header.fields.sizeof_hdr;
  if (header.swapped) {
    nifti_swap_4bytes(1, &length);
  }
  if (length == 540) {
    throw DataError(origin + ": NIfTI-2; only NIfTI-1 is read");
  }
  if (length != kHeaderBytes) {
    throw DataError(str_cat(origin, ": header length ", length, ", want ",
                            kHeaderBytes, ": not NIfTI"));
  }
  const std::string magic(header.fields.magic, 3);
  if (magic == "ni1") {
    throw DataError(origin +
                    ": the header of a .hdr and .img pair; only single-file "
                    "NIfTI (.nii, .nii.gz) is read");
  }
  if (magic != "n+1" || header.fields.magic[3] != '\0') {
    throw DataError(origin +
                    ": no NIfTI magic \"n+1\" in the header (Analyze 7.5?)");
  }
}

// Checks dim[]: D x H x W voxels, further axes of length 1.
Shape3 check_shape(const nifti_1_header& fields, const std::string& origin,
                   const DecodeLimits& limits) {
  const int num_dims = fields.dim[0];
  if (num_dims < 1 || num_dims > 7) {
    throw DataError(str_cat(origin, ": dim[0] is ", num_dims, ", want 1 to 7"));
  }
  int64_t num_voxels = 1;
  Shape3 shape = {1, 1, 1};
  for (int i = 1; i <= num_dims; ++i) {
    const int64_t length = fields.dim[i];
    if (length < 1 || (i > 3 && length != 1)) {
      throw DataError(str_cat(origin, ": dim[", i, "] is ", length, ", want ",
                              i > 3 ? "1 (one frame)" : "at least 1"));
    }
    num_voxels *= length;  // At most 32767 cubed: no overflow.
    if (i <= 3) {
      shape[static_cast<size_t>(3 - i)] = length;
    }
  }
  if (num_voxels > limits.max_elements) {
    throw DataError(str_cat(origin, ": claims ", num_voxels,
                            " voxels, the limit is ", limits.max_elements));
  }
  return shape;
}

// Bytes of one voxel. Throws DataError unless the type is a real number.
int check_type(const nifti_1_header& fields, const std::string& origin) {
  switch (fields.datatype) {
    case DT_UINT8:
    case DT_INT8:
      return 1;
    case DT_INT16:
    case DT_UINT16:
      return 2;
    case DT_INT32:
    case DT_UINT32:
    case DT_FLOAT32:
      return 4;
    case DT_INT64:
    case DT_UINT64:
    case DT_FLOAT64:
      return 8;
    default:
      throw DataError(
          str_cat(origin, ": voxel type ", fields.datatype, " (",
                  nifti_datatype_string(fields.datatype),
                  "), want integers of 8 to 64 bits, FLOAT32 or FLOAT64"));
  }
}

// Checks that voxels start after the header and that the source can hold them.
// Returns the bytes between the header and them.
int64_t check_extent(const nifti_1_header& fields, int64_t voxel_bytes,
                     const ByteSource& source, const std::string& origin) {
  const float offset = fields.vox_offset;
  if (!(offset >= kMinVoxelOffset && offset < 1e9F) ||
      offset != std::floor(offset)) {
    throw DataError(str_cat(origin, ": vox_offset is ", offset,
                            ", want a whole number from ", kMinVoxelOffset));
  }
  const int64_t gap = static_cast<int64_t>(offset) - kHeaderBytes;
  if (gap + voxel_bytes > source.max_bytes()) {
    throw DataError(str_cat(origin, ": the header claims ", voxel_bytes,
                            " bytes of voxels from byte ", offset,
                            ", the file cannot hold them"));
  }
  return gap;
}

// nifticlib's reading of the checked header, in its own byte order.
NiftiImage interpret(const Header& header, const std::string& origin) {
  static std::once_flag once;
  std::call_once(once, [] { nifti_set_debug_level(0); });
  NiftiImage image(nifti_convert_nhdr2nim(header.fields, nullptr));
  if (image == nullptr) {
    throw DataError(origin + ": nifticlib cannot interpret the header");
  }
  return image;
}

double millimetres(double length, int units) {
  const double factor = units == NIFTI_UNITS_METER    ? 1000.0
                        : units == NIFTI_UNITS_MICRON ? 0.001
                                                      : 1.0;
  const double result = std::fabs(length) * factor;
  return std::isfinite(result) && result > 0.0 ? result : 1.0;
}

template <typename T>
void convert(std::span<const std::byte> raw, std::span<float> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, raw.data() + i * sizeof(T), sizeof(T));
    out[i] = static_cast<float>(value);
  }
}

void convert_voxels(int type, std::span<const std::byte> raw,
                    std::span<float> out) {
  switch (type) {
    case DT_UINT8:
      return convert<uint8_t>(raw, out);
    case DT_INT8:
      return convert<int8_t>(raw, out);
    case DT_UINT16:
      return convert<uint16_t>(raw, out);
    case DT_INT16:
      return convert<int16_t>(raw, out);
    case DT_UINT32:
      return convert<uint32_t>(raw, out);
    case DT_INT32:
      return convert<int32_t>(raw, out);
    case DT_UINT64:
      return convert<uint64_t>(raw, out);
    case DT_INT64:
      return convert<int64_t>(raw, out);
    case DT_FLOAT32:
      return convert<float>(raw, out);
    case DT_FLOAT64:
      return convert<double>(raw, out);
    default:
      VOXLIFT_CHECK(false, "voxel type was checked");
  }
}

void apply_scale(const nifti_image& meaning, std::span<float> voxels) {
  const auto slope = static_cast<double>(meaning.scl_slope);
  const auto offset = static_cast<double>(meaning.scl_inter);
  if (slope == 0.0 || (slope == 1.0 && offset == 0.0)) {
    return;
  }
  for (float& voxel : voxels) {
    voxel = static_cast<float>(slope * voxel + offset);
  }
}

// Reads exactly `out`. Throws DataError with both lengths.
void read_all(ByteSource& source, std::span<std::byte> out, int64_t wanted,
              int64_t before, const std::string& origin) {
  const size_t num_read = source.read(out);
  if (num_read < out.size()) {
    throw DataError(str_cat(origin, ": ends after ",
                            before + static_cast<int64_t>(num_read), " of ",
                            wanted, " bytes of voxels"));
  }
}

void skip(ByteSource& source, int64_t num_bytes, const std::string& origin) {
  std::vector<std::byte> unused(1 << 16);
  while (num_bytes > 0) {
    const auto piece = static_cast<size_t>(
        std::min<int64_t>(num_bytes, static_cast<int64_t>(unused.size())));
    if (source.read(std::span(unused).first(piece)) < piece) {
      throw DataError(origin + ": ends before the voxels");
    }
    num_bytes -= static_cast<int64_t>(piece);
  }
}

// Piece by piece, so that raw and converted voxels are never both held.
void read_voxels(ByteSource& source, const nifti_image& meaning, int bytes_each,
                 const std::string& origin, std::span<float> voxels) {
  constexpr size_t kPiece = 1 << 16;
  const auto wanted = static_cast<int64_t>(voxels.size()) * bytes_each;
  const auto size = static_cast<size_t>(bytes_each);
  const bool swap = meaning.byteorder != nifti_short_order();
  std::vector<std::byte> raw(kPiece * size);
  for (size_t first = 0; first < voxels.size(); first += kPiece) {
    const size_t count = std::min(kPiece, voxels.size() - first);
    const std::span<std::byte> bytes = std::span(raw).first(count * size);
    read_all(source, bytes, wanted, static_cast<int64_t>(first * size), origin);
    if (swap && bytes_each > 1) {
      nifti_swap_Nbytes(count, bytes_each, bytes.data());
    }
    convert_voxels(meaning.datatype, bytes, voxels.subspan(first, count));
  }
}

}  // namespace

Volume decode_nifti(std::span<const std::byte> bytes, Format format,
                    const std::string& origin, const DecodeLimits& limits) {
  const std::unique_ptr<ByteSource> source =
      format == Format::kNiftiGz ? make_gzip_source(bytes, origin)
                                 : make_memory_source(bytes);
  const Header header = read_header(*source, origin);
  check_kind(header, origin);
  nifti_1_header native = header.fields;
  if (header.swapped) {
    swap_nifti_header(&native, 1);
  }
  Volume volume;
  volume.shape = check_shape(native, origin, limits);
  const int bytes_each = check_type(native, origin);
  const int64_t gap =
      check_extent(native, volume.num_voxels() * bytes_each, *source, origin);
  const NiftiImage meaning = interpret(header, origin);
  volume.spacing_mm = {millimetres(meaning->dz, meaning->xyz_units),
                       millimetres(meaning->dy, meaning->xyz_units),
                       millimetres(meaning->dx, meaning->xyz_units)};
  volume.voxels.resize(static_cast<size_t>(volume.num_voxels()));
  skip(*source, gap, origin);
  read_voxels(*source, *meaning, bytes_each, origin, volume.voxels);
  source->finish();
  apply_scale(*meaning, volume.voxels);
  return volume;
}

}  // namespace voxlift::dataio
