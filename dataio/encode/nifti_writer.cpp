#include "dataio/encode/nifti_writer.h"

#include <nifti1.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/error.h"
#include "dataio/encode/nifti_mask.h"

namespace voxlift::dataio {

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr int16_t kMaxSide = 32767;
constexpr size_t kVoxelOffset = 352;

// Axes aligned with the scanner's.
nifti_1_header make_header(const Shape3& shape,
                           const std::array<double, 3>& spacing_mm,
                           VoxelType type) {
  const bool is_float = type == VoxelType::kFloat32;
  nifti_1_header header{};
  header.sizeof_hdr = sizeof(header);
  header.regular = 'r';
  header.dim[0] = 3;
  header.pixdim[0] = 1.0F;
  for (size_t i = 0; i < 3; ++i) {  // x, y, z = W, H, D.
    header.dim[1 + i] = static_cast<int16_t>(shape[2 - i]);
    header.pixdim[1 + i] = static_cast<float>(spacing_mm[2 - i]);
  }
  std::fill(header.dim + 4, header.dim + 8, int16_t{1});
  header.datatype = is_float ? DT_FLOAT32 : DT_UINT8;
  header.bitpix = is_float ? 32 : 8;
  header.vox_offset = kVoxelOffset;
  header.scl_slope = 1.0F;
  header.xyzt_units = NIFTI_UNITS_MM;
  header.sform_code = NIFTI_XFORM_SCANNER_ANAT;
  header.srow_x[0] = header.pixdim[1];
  header.srow_y[1] = header.pixdim[2];
  header.srow_z[2] = header.pixdim[3];
  std::memcpy(header.magic, "n+1", 4);
  return header;
}

// NIfTI's voxel axes are i, j, k: width, height, depth.
void set_affine(nifti_1_header& header, const Affine& affine) {
  const std::array<float*, 3> rows = {header.srow_x, header.srow_y,
                                      header.srow_z};
  for (size_t r = 0; r < 3; ++r) {
    for (size_t c = 0; c < 3; ++c) {
      rows[r][c] = static_cast<float>(affine[r][2 - c]);
    }
    rows[r][3] = static_cast<float>(affine[r][3]);
  }
}

void check_shape(const Shape3& shape, size_t num_voxels) {
  for (const int64_t side : shape) {
    VOXLIFT_CHECK(side >= 1 && side <= kMaxSide, "side of a NIfTI volume");
  }
  const int64_t count = shape[0] * shape[1] * shape[2];
  VOXLIFT_CHECK(count < (int64_t{1} << 29),
                "volume too large to compress in one call");
  VOXLIFT_CHECK(static_cast<int64_t>(num_voxels) == count,
                "voxels do not fill the shape");
}

std::byte to_uint8(float voxel) {
  return static_cast<std::byte>(std::lround(std::clamp(voxel, 0.0F, 255.0F)));
}

std::vector<std::byte> plain_bytes(const Volume& volume, VoxelType type) {
  const size_t count = volume.voxels.size();
  const size_t size = type == VoxelType::kFloat32 ? sizeof(float) : 1;
  std::vector<std::byte> bytes(kVoxelOffset + count * size);
  const nifti_1_header header =
      make_header(volume.shape, volume.spacing_mm, type);
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::byte* voxels = bytes.data() + kVoxelOffset;
  if (type == VoxelType::kFloat32) {
    std::memcpy(voxels, volume.voxels.data(), count * size);
  } else {
    std::transform(volume.voxels.begin(), volume.voxels.end(), voxels,
                   to_uint8);
  }
  return bytes;
}

// zlib writes a gzip header without time or name unless it is given one.
std::vector<std::byte> gzip(std::span<const std::byte> bytes) {
  z_stream stream{};
  const int made =
      deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  VOXLIFT_CHECK(made == Z_OK, "zlib cannot make its state");
  std::vector<std::byte> packed(deflateBound(&stream, bytes.size()));
  stream.next_in =
      reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int status = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  VOXLIFT_CHECK(status == Z_STREAM_END, "deflate ends in one call");
  return packed;
}

template <typename T>
std::vector<std::byte> on_grid(std::span<const T> values, const MaskGrid& grid,
                               VoxelType type) {
  check_shape(grid.shape, values.size());
  nifti_1_header header = make_header(grid.shape, grid.spacing_mm, type);
  set_affine(header, grid.affine);
  std::vector<std::byte> bytes(kVoxelOffset + values.size_bytes());
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::memcpy(bytes.data() + kVoxelOffset, values.data(), values.size_bytes());
  return gzip(bytes);
}

}  // namespace

std::vector<std::byte> encode_nifti_gz(const Volume& volume, VoxelType type) {
  check_shape(volume.shape, volume.voxels.size());
  return gzip(plain_bytes(volume, type));
}

std::vector<std::byte> encode_nifti_mask_gz(std::span<const uint8_t> labels,
                                            const MaskGrid& grid) {
  return on_grid(labels, grid, VoxelType::kUint8);
}

std::vector<std::byte> encode_nifti_map_gz(std::span<const float> values,
                                           const MaskGrid& grid) {
  return on_grid(values, grid, VoxelType::kFloat32);
}

}  // namespace voxlift::dataio
