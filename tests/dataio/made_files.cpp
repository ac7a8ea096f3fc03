#include "tests/dataio/made_files.h"

#include <gtest/gtest.h>
#include <png.h>
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
// The library wants <cstdio> before it.
// clang-format off
#include <jpeglib.h>
#include <nifti2_io.h>
// clang-format on

#include "base/files.h"

namespace voxlift::dataio::test {

Image plain_image(int64_t height, int64_t width,
                  const std::array<uint8_t, 3>& color) {
  Image image{height, width, {}};
  for (int64_t i = 0; i < height * width; ++i) {
    image.rgb.insert(image.rgb.end(), color.begin(), color.end());
  }
  return image;
}

Image ramp_image(int64_t height, int64_t width) {
  Image image{height, width, {}};
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const auto red =
          static_cast<uint8_t>(255 * x / std::max<int64_t>(1, width - 1));
      const auto green =
          static_cast<uint8_t>(255 * y / std::max<int64_t>(1, height - 1));
      const auto blue = static_cast<uint8_t>((red + green) / 2);
      image.rgb.insert(image.rgb.end(), {red, green, blue});
    }
  }
  return image;
}

int max_difference(const Image& a, const Image& b) {
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.width, b.width);
  int difference = 0;
  for (size_t i = 0; i < std::min(a.rgb.size(), b.rgb.size()); ++i) {
    difference = std::max(difference, std::abs(a.rgb[i] - b.rgb[i]));
  }
  return difference;
}

namespace {

// The first scan holds the lowest coefficient of all components.
std::vector<jpeg_scan_info> many_scans() {
  std::vector<jpeg_scan_info> scans = {{3, {0, 1, 2, 0}, 0, 0, 0, 0}};
  for (int component = 0; component < 3; ++component) {
    for (int k = 1; k < 64; ++k) {
      scans.push_back({1, {component, 0, 0, 0}, k, k, 0, 1});
      scans.push_back({1, {component, 0, 0, 0}, k, k, 1, 0});
    }
  }
  return scans;
}

}  // namespace

Bytes plain_jpeg(const JpegKind& kind, int64_t height, int64_t width,
                 const std::array<uint8_t, 4>& stored) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long num_bytes = 0;
  jpeg_mem_dest(&info, &buffer, &num_bytes);
  info.image_height = static_cast<JDIMENSION>(height);
  info.image_width = static_cast<JDIMENSION>(width);
  info.input_components = kind.num_components;
  info.in_color_space = kind.num_components == 1   ? JCS_GRAYSCALE
                        : kind.num_components == 3 ? JCS_YCbCr
                                                   : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 100, TRUE);
  if (kind.num_components == 4) {
    info.write_Adobe_marker = kind.adobe ? TRUE : FALSE;
  }
  const std::vector<jpeg_scan_info> scans = many_scans();
  if (kind.many_scans) {
    info.scan_info = scans.data();
    info.num_scans = static_cast<int>(scans.size());
  } else if (kind.progressive) {
    jpeg_simple_progression(&info);
  }
  jpeg_start_compress(&info, TRUE);
  std::vector<uint8_t> row;
  for (int64_t x = 0; x < width; ++x) {
    row.insert(row.end(), stored.begin(), stored.begin() + kind.num_components);
  }
  while (info.next_scanline < info.image_height) {
    JSAMPROW line = row.data();
    jpeg_write_scanlines(&info, &line, 1);
  }
  jpeg_finish_compress(&info);
  const auto* first = reinterpret_cast<const std::byte*>(buffer);
  Bytes bytes(first, first + num_bytes);
  jpeg_destroy_compress(&info);
  std::free(buffer);
  return bytes;
}

namespace {

void append_bytes(png_structp png, png_bytep data, size_t size) {
  auto& bytes = *static_cast<Bytes*>(png_get_io_ptr(png));
  const auto* first = reinterpret_cast<const std::byte*>(data);
  bytes.insert(bytes.end(), first, first + size);
}

}  // namespace

Bytes made_png(const PngKind& kind, std::span<const uint8_t> row) {
  Bytes bytes;
  png_structp png =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(png, &bytes, append_bytes, nullptr);
  png_set_IHDR(png, info, 16, 16, kind.bit_depth, kind.color_type,
               kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  std::array<png_color, 8> palette;
  for (size_t i = 0; i < palette.size(); ++i) {
    const auto base = static_cast<uint8_t>(10 * i);
    palette[i] = {base, static_cast<uint8_t>(2 * base),
                  static_cast<uint8_t>(3 * base)};
  }
  if (kind.color_type == PNG_COLOR_TYPE_PALETTE) {
    png_set_PLTE(png, info, palette.data(), palette.size());
  }
  std::vector<uint8_t> copy(row.begin(), row.end());
  std::vector<png_bytep> rows(16, copy.data());
  png_set_rows(png, info, rows.data());
  png_write_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

nifti_1_header nifti_header(int16_t datatype, int16_t bits,
                            const std::array<int16_t, 3>& xyz) {
  nifti_1_header header{};
  header.sizeof_hdr = 348;
  header.dim[0] = 3;
  std::copy(xyz.begin(), xyz.end(), header.dim + 1);
  std::fill(header.dim + 4, header.dim + 8, int16_t{1});
  header.datatype = datatype;
  header.bitpix = bits;
  header.pixdim[1] = 1.0F;
  header.pixdim[2] = 2.0F;
  header.pixdim[3] = 3.0F;
  header.vox_offset = 352.0F;
  header.xyzt_units = NIFTI_UNITS_MM;
  std::memcpy(header.magic, "n+1", 4);
  return header;
}

Bytes nifti_file(const nifti_1_header& header,
                 std::span<const std::byte> data) {
  Bytes bytes(352 + data.size());
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::copy(data.begin(), data.end(), bytes.begin() + 352);
  return bytes;
}

nifti_1_header swapped(const nifti_1_header& header) {
  nifti_1_header result = header;
  swap_nifti_header(&result, 1);
  return result;
}

Bytes gzipped(std::span<const std::byte> bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  Bytes packed(deflateBound(&stream, bytes.size()));
  stream.next_in =
      reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Bytes file_bytes(const std::string& path) {
  return RealFiles().read(path);
}

}  // namespace voxlift::dataio::test
