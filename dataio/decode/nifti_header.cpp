// NIfTI-1 and -2: what the header means comes from nifticlib; the bytes come
// from memory, because nifticlib itself reads files only.

#include <nifti2_io.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/decode/nifti.h"
#include "dataio/decode/world.h"

namespace voxlift::dataio {

namespace {

struct FreeImage {
  void operator()(nifti_image* image) const { nifti_image_free(image); }
};

using NiftiImage = std::unique_ptr<nifti_image, FreeImage>;

constexpr int32_t kBytes1 = 348;
constexpr int32_t kBytes2 = 540;

// A header of either version, in this machine's byte order, not yet believed.
struct Fields {
  nifti_1_header v1{};
  nifti_2_header v2{};
  int version = 1;
  bool swapped = false;
  std::array<int64_t, 8> dim{};
  int datatype = 0;
  double voxel_offset = 0;
  double slope = 0;
  double offset = 0;
};

int32_t swapped_length(int32_t length) {
  nifti_swap_4bytes(1, &length);
  return length;
}

// Which version, and whether the other byte order. Throws if neither.
void detect_version(std::span<const std::byte> bytes, Fields& fields,
                    const std::string& origin) {
  int32_t length = 0;
  std::memcpy(&length, bytes.data(), std::min(bytes.size(), sizeof(length)));
  const int32_t other = swapped_length(length);
  fields.swapped = other == kBytes1 || other == kBytes2;
  const int32_t stated = fields.swapped ? other : length;
  if (stated != kBytes1 && stated != kBytes2) {
    throw DataError(str_cat(origin, ": header length ", stated, ", want ",
                            kBytes1, " or ", kBytes2, ": not NIfTI"));
  }
  if (bytes.size() < static_cast<size_t>(stated)) {
    throw DataError(str_cat(origin, ": ", bytes.size(), " bytes, a NIfTI-",
                            stated == kBytes1 ? 1 : 2, " header has ", stated));
  }
  fields.version = stated == kBytes1 ? 1 : 2;
}

template <typename Header>
void take_fields(const Header& header, Fields& fields) {
  std::copy(header.dim, header.dim + 8, fields.dim.begin());
  fields.datatype = header.datatype;
  fields.voxel_offset = static_cast<double>(header.vox_offset);
  fields.slope = static_cast<double>(header.scl_slope);
  fields.offset = static_cast<double>(header.scl_inter);
}

Fields take_header(std::span<const std::byte> bytes,
                   const std::string& origin) {
  Fields fields;
  detect_version(bytes, fields, origin);
  if (fields.version == 1) {
    std::memcpy(&fields.v1, bytes.data(), kBytes1);
    if (fields.swapped) {
      nifti_swap_as_nifti1(&fields.v1);
    }
    take_fields(fields.v1, fields);
  } else {
    std::memcpy(&fields.v2, bytes.data(), kBytes2);
    if (fields.swapped) {
      nifti_swap_as_nifti2(&fields.v2);
    }
    take_fields(fields.v2, fields);
  }
  return fields;
}

// True for a pair. Throws unless the magic is one of NIfTI's.
bool check_magic(const Fields& fields, const std::string& origin) {
  using std::string_literals::operator""s;
  const bool first = fields.version == 1;
  const std::string magic =
      first ? std::string(fields.v1.magic, 4) : std::string(fields.v2.magic, 8);
  if (magic == (first ? "ni1\0"s : "ni2\0\r\n\032\n"s)) {
    return true;
  }
  if (magic != (first ? "n+1\0"s : "n+2\0\r\n\032\n"s)) {
    throw DataError(str_cat(origin, ": no NIfTI magic \"n+", fields.version,
                            "\" in the header",
                            first ? " (Analyze 7.5?)" : ""));
  }
  return false;
}

// D x H x W, and frames in the fourth axis; further axes of length 1.
void take_shape(const Fields& fields, NiftiHeader& header,
                const std::string& origin) {
  const int64_t num_dims = fields.dim[0];
  if (num_dims < 1 || num_dims > 7) {
    throw DataError(str_cat(origin, ": dim[0] is ", num_dims, ", want 1 to 7"));
  }
  header.shape = {1, 1, 1};
  for (size_t i = 1; i <= static_cast<size_t>(num_dims); ++i) {
    const int64_t length = fields.dim[i];
    if (length < 1 || (i > 4 && length != 1)) {
      throw DataError(str_cat(origin, ": dim[", i, "] is ", length, ", want ",
                              i > 4 ? "1 (one value a voxel)" : "at least 1"));
    }
    if (i <= 3) {
      header.shape[3 - i] = length;
    } else if (i == 4) {
      header.num_frames = length;
    }
  }
}

ScalarType scalar_type(int datatype, const std::string& origin) {
  switch (datatype) {
    case DT_UINT8:
      return ScalarType::kUint8;
    case DT_INT8:
      return ScalarType::kInt8;
    case DT_UINT16:
      return ScalarType::kUint16;
    case DT_INT16:
      return ScalarType::kInt16;
    case DT_UINT32:
      return ScalarType::kUint32;
    case DT_INT32:
      return ScalarType::kInt32;
    case DT_UINT64:
      return ScalarType::kUint64;
    case DT_INT64:
      return ScalarType::kInt64;
    case DT_FLOAT32:
      return ScalarType::kFloat32;
    case DT_FLOAT64:
      return ScalarType::kFloat64;
    default:
      throw DataError(
          str_cat(origin, ": voxel type ", datatype, " (",
                  nifti_datatype_string(datatype),
                  "), want integers of 8 to 64 bits, FLOAT32 or FLOAT64"));
  }
}

// A slope of 0 or no number means no scaling, as in nifticlib and nibabel.
void take_scale(const Fields& fields, ScalarCode& code,
                const std::string& origin) {
  if (fields.slope == 0.0 || !std::isfinite(fields.slope)) {
    return;
  }
  if (!std::isfinite(fields.offset)) {
    throw DataError(str_cat(origin, ": scl_slope is ", fields.slope,
                            " and scl_inter ", fields.offset));
  }
  code.slope = fields.slope;
  code.offset = fields.offset;
}

void take_voxel_offset(const Fields& fields, NiftiHeader& header,
                       const std::string& origin) {
  // Header and the four bytes that announce extensions come first.
  const int64_t least = header.is_pair ? 0 : header.header_bytes + 4;
  const double offset = fields.voxel_offset;
  if (!(offset >= static_cast<double>(least) && offset < 1e15) ||
      offset != std::floor(offset)) {
    throw DataError(str_cat(origin, ": vox_offset is ", offset,
                            ", want a whole number from ", least));
  }
  header.voxel_offset = static_cast<int64_t>(offset);
}

NiftiImage interpret(const Fields& fields, const std::string& origin) {
  static std::once_flag once;
  std::call_once(once, [] { nifti_set_debug_level(0); });
  NiftiImage image(fields.version == 1
                       ? nifti_convert_n1hdr2nim(fields.v1, nullptr)
                       : nifti_convert_n2hdr2nim(fields.v2, nullptr));
  if (image == nullptr) {
    throw DataError(origin + ": nifticlib cannot interpret the header");
  }
  return image;
}

double millimetres_per_unit(int units) {
  return units == NIFTI_UNITS_METER    ? 1000.0
         : units == NIFTI_UNITS_MICRON ? 0.001
                                       : 1.0;
}

double positive_length(double length) {
  const double result = std::fabs(length);
  return std::isfinite(result) && result > 0.0 ? result : 1.0;
}

template <typename Matrix>
Affine affine_from_matrix(const Matrix& matrix, double factor) {
  Affine affine;
  for (size_t r = 0; r < 3; ++r) {
    const auto& row = matrix.m[r];
    affine[r] = {row[2] * factor, row[1] * factor, row[0] * factor,
                 row[3] * factor};
  }
  return affine;
}

// nibabel's affine of a header without one: the centre at 0, x to the left.
Affine centred_affine(const NiftiHeader& header) {
  Affine affine{};
  for (size_t axis = 0; axis < 3; ++axis) {
    const double step = header.spacing_mm[axis] * (axis == 2 ? -1.0 : 1.0);
    affine[2 - axis][axis] = step;
    affine[2 - axis][3] =
        -step * static_cast<double>(header.shape[axis] - 1) / 2.0;
  }
  return affine;
}

void take_geometry(const nifti_image& image, NiftiHeader& header,
                   const std::string& origin) {
  const double factor = millimetres_per_unit(image.xyz_units);
  header.spacing_mm = {positive_length(image.dz * factor),
                       positive_length(image.dy * factor),
                       positive_length(image.dx * factor)};
  if (image.sform_code > 0) {
    header.affine = affine_from_matrix(image.sto_xyz, factor);
    check_affine(header.affine, "sform", origin);
  } else if (image.qform_code > 0) {
    header.affine = affine_from_matrix(image.qto_xyz, factor);
    check_affine(header.affine, "qform", origin);
  } else {
    header.affine = centred_affine(header);
  }
}

}  // namespace

NiftiHeader parse_nifti_header(std::span<const std::byte> bytes,
                               const std::string& origin) {
  const Fields fields = take_header(bytes, origin);
  NiftiHeader header;
  header.version = fields.version;
  header.header_bytes = fields.version == 1 ? kBytes1 : kBytes2;
  header.is_pair = check_magic(fields, origin);
  take_shape(fields, header, origin);
  header.code.type = scalar_type(fields.datatype, origin);
  header.code.swapped = fields.swapped;
  take_scale(fields, header.code, origin);
  take_voxel_offset(fields, header, origin);
  take_geometry(*interpret(fields, origin), header, origin);
  return header;
}

}  // namespace voxlift::dataio
