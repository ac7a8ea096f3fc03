#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "dataio/decode/decoder.h"
#include "dataio/encode/nifti_mask.h"
#include "dataio/encode/nifti_writer.h"
#include "tests/dataio/made_files.h"
#include "tests/support/expect_error.h"

namespace voxlift::dataio {
namespace {

using test::Bytes;
using voxlift::test::expect_error;

Volume counting_volume(const Shape3& shape) {
  Volume volume;
  volume.shape = shape;
  volume.spacing_mm = {2.5, 0.75, 0.5};
  for (int64_t i = 0; i < volume.num_voxels(); ++i) {
    volume.voxels.push_back(static_cast<float>(i));
  }
  return volume;
}

// Two voxels of type T, decoded.
template <typename T>
std::vector<float> round_trip(int16_t datatype, const std::vector<T>& values) {
  const auto header = test::nifti_header(
      datatype, 8 * sizeof(T), {static_cast<int16_t>(values.size()), 1, 1});
  return decode_volume(test::nifti_file(header, test::bytes_of(values)),
                       "x.nii")
      .voxels;
}

void expect_rejected(const nifti_1_header& header, const Bytes& data,
                     std::initializer_list<std::string> parts) {
  const Bytes bytes = test::nifti_file(header, data);
  expect_error<DataError>([&] { (void)decode_volume(bytes, "bad.nii"); },
                          {"bad.nii"});
  expect_error<DataError>([&] { (void)decode_volume(bytes, "bad.nii"); },
                          parts);
}

nifti_1_header small_header() {
  return test::nifti_header(DT_UINT8, 8, {4, 3, 2});
}

TEST(NiftiTest, DecodesWhatTheWriterWrote) {
  const Volume volume = counting_volume({3, 4, 5});
  for (const VoxelType type : {VoxelType::kUint8, VoxelType::kFloat32}) {
    const Volume decoded =
        decode_volume(encode_nifti_gz(volume, type), "x.nii.gz");
    EXPECT_EQ(decoded.shape, volume.shape);
    EXPECT_EQ(decoded.spacing_mm, volume.spacing_mm);
    EXPECT_EQ(decoded.voxels, volume.voxels);
  }
}

TEST(NiftiTest, MasksKeepTheAffine) {
  const Affine oblique = {{{0.5, 0.25, 1.75, -20.0},
                           {-0.125, 1.5, -0.25, 30.5},
                           {2.5, 0.125, -0.375, -7.0}}};
  const std::vector<uint8_t> labels = {0, 1, 255, 3, 4, 5};
  const Volume decoded = decode_volume(
      encode_nifti_mask_gz(labels, {{1, 2, 3}, {2.5, 0.75, 0.5}, oblique}),
      "x.nii.gz");
  EXPECT_EQ(decoded.shape, (Shape3{1, 2, 3}));
  EXPECT_EQ(decoded.spacing_mm, (std::array<double, 3>{2.5, 0.75, 0.5}));
  EXPECT_EQ(decoded.affine, oblique);
  EXPECT_EQ(decoded.voxels, (std::vector<float>{0, 1, 255, 3, 4, 5}));
}

TEST(NiftiTest, MapsOfNumbersKeepTheirBitsAndPlace) {
  const Affine turned = {{{0, -0.5, 0, 3}, {0, 0, 0.75, 4}, {2.5, 0, 0, 5}}};
  const std::vector<float> values = {0.1F, -2e-30F, 3e8F, 0, -5, 6};
  const Volume decoded = decode_volume(
      encode_nifti_map_gz(values, {{1, 2, 3}, {2.5, 0.5, 0.75}, turned}),
      "x.nii.gz");
  EXPECT_EQ(decoded.affine, turned);
  EXPECT_EQ(decoded.voxels, values);
}

TEST(NiftiTest, WritesEqualVolumesToEqualBytes) {
  const Volume volume = counting_volume({2, 2, 2});
  const Bytes bytes = encode_nifti_gz(volume, VoxelType::kUint8);
  EXPECT_EQ(bytes, encode_nifti_gz(volume, VoxelType::kUint8));
  for (size_t i = 4; i < 8; ++i) {  // gzip's time stamp.
    EXPECT_EQ(bytes[i], std::byte{0});
  }
}

TEST(NiftiTest, ReadsXyzAsWidthHeightDepth) {
  const Bytes data(24);
  const Volume volume =
      decode_volume(test::nifti_file(small_header(), data), "x.nii");
  EXPECT_EQ(volume.shape, (Shape3{2, 3, 4}));
  EXPECT_EQ(volume.spacing_mm, (std::array<double, 3>{3.0, 2.0, 1.0}));
}

TEST(NiftiTest, DecodesEveryRealVoxelType) {
  EXPECT_EQ(round_trip<uint8_t>(DT_UINT8, {1, 255}),
            (std::vector<float>{1, 255}));
  EXPECT_EQ(round_trip<int8_t>(DT_INT8, {-1, 127}),
            (std::vector<float>{-1, 127}));
  EXPECT_EQ(round_trip<int16_t>(DT_INT16, {-1000, 1}),
            (std::vector<float>{-1000, 1}));
  EXPECT_EQ(round_trip<uint16_t>(DT_UINT16, {65535, 1}),
            (std::vector<float>{65535, 1}));
  EXPECT_EQ(round_trip<int32_t>(DT_INT32, {-70000, 1}),
            (std::vector<float>{-70000, 1}));
  EXPECT_EQ(round_trip<uint32_t>(DT_UINT32, {1U << 31, 1}),
            (std::vector<float>{2147483648.0F, 1}));
  EXPECT_EQ(round_trip<int64_t>(DT_INT64, {-5'000'000'000, 1}),
            (std::vector<float>{-5e9F, 1}));
  EXPECT_EQ(round_trip<uint64_t>(DT_UINT64, {uint64_t{1} << 63, 1}),
            (std::vector<float>{9223372036854775808.0F, 1}));
  EXPECT_EQ(round_trip<float>(DT_FLOAT32, {0.25F, -1.5F}),
            (std::vector<float>{0.25F, -1.5F}));
  EXPECT_EQ(round_trip<double>(DT_FLOAT64, {0.25, -1.5}),
            (std::vector<float>{0.25F, -1.5F}));
}

TEST(NiftiTest, DecodesTheOtherByteOrder) {
  const auto header =
      test::swapped(test::nifti_header(DT_INT16, 16, {2, 1, 1}));
  const Volume volume = decode_volume(
      test::nifti_file(
          header, test::bytes_of(std::vector<uint8_t>{0x01, 0x00, 0xff, 0xfe})),
      "big.nii");
  EXPECT_EQ(volume.voxels, (std::vector<float>{256, -2}));
  EXPECT_EQ(volume.spacing_mm[0], 3.0);
}

TEST(NiftiTest, AppliesScaleAndOffset) {
  auto header = test::nifti_header(DT_INT16, 16, {2, 1, 1});
  header.scl_slope = 0.5F;
  header.scl_inter = -10.0F;
  const Bytes data = test::bytes_of(std::vector<int16_t>{4, 100});
  EXPECT_EQ(decode_volume(test::nifti_file(header, data), "x.nii").voxels,
            (std::vector<float>{-8, 40}));
  header.scl_slope = 0.0F;  // Means: no scaling.
  EXPECT_EQ(decode_volume(test::nifti_file(header, data), "x.nii").voxels,
            (std::vector<float>{4, 100}));
}

TEST(NiftiTest, ConvertsSpacingToMillimetres) {
  auto header = small_header();
  const Bytes data(24);
  header.xyzt_units = NIFTI_UNITS_MICRON;
  header.pixdim[3] = 500.0F;
  EXPECT_DOUBLE_EQ(
      decode_volume(test::nifti_file(header, data), "x").spacing_mm[0], 0.5);
  header.pixdim[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isfinite(
      decode_volume(test::nifti_file(header, data), "x").spacing_mm[0]));
}

TEST(NiftiTest, KeepsNanVoxels) {
  const auto values = round_trip<float>(DT_FLOAT32, {NAN, 2.0F});
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_EQ(values[1], 2.0F);
}

TEST(NiftiTest, SkipsExtensions) {
  auto header = small_header();
  header.vox_offset = 352.0F + 160.0F;
  Bytes data(160 + 24, std::byte{7});
  data.back() = std::byte{9};
  const Volume volume = decode_volume(test::nifti_file(header, data), "x.nii");
  EXPECT_EQ(volume.voxels.front(), 7.0F);
  EXPECT_EQ(volume.voxels.back(), 9.0F);
}

TEST(NiftiTest, AcceptsOneFrameOfFourDimensions) {
  auto header = small_header();
  header.dim[0] = 4;
  const Bytes data(24);
  EXPECT_EQ(decode_volume(test::nifti_file(header, data), "x").shape,
            (Shape3{2, 3, 4}));
  header.dim[4] = 5;
  expect_rejected(header, data, {"holds 5 frames", "one frame"});
}

TEST(NiftiTest, RejectsTypesThatAreNoRealNumber) {
  auto header = small_header();
  header.datatype = DT_COMPLEX64;
  expect_rejected(header, Bytes(1000), {"32", "COMPLEX64", "want integers"});
  header.datatype = DT_RGB24;
  expect_rejected(header, Bytes(1000), {"128", "RGB24"});
  header.datatype = 9999;
  expect_rejected(header, Bytes(1000), {"9999"});
}

TEST(NiftiTest, RejectsBadDimensions) {
  auto header = small_header();
  header.dim[0] = 8;
  expect_rejected(header, Bytes(24), {"dim[0] is 8", "want 1 to 7"});
  header.dim[0] = 3;
  header.dim[2] = -3;
  expect_rejected(header, Bytes(24), {"dim[2] is -3", "at least 1"});
}

TEST(NiftiTest, RejectsMoreVoxelsThanTheFileHolds) {
  auto header = small_header();
  expect_rejected(header, Bytes(23), {"claims 24 bytes", "cannot hold"});
  std::fill(header.dim + 1, header.dim + 4, int16_t{1000});
  expect_rejected(header, Bytes(24), {"claims 1000000000 bytes"});
  std::fill(header.dim + 1, header.dim + 4, int16_t{32767});
  expect_rejected(header, Bytes(24),
                  {"32767 x 32767 x 32767 voxels", "limit is"});
}

TEST(NiftiTest, RejectsVoxelsThatOverlapTheHeader) {
  auto header = small_header();
  header.vox_offset = 0.0F;
  expect_rejected(header, Bytes(24), {"vox_offset is 0", "352"});
  header.vox_offset = NAN;
  expect_rejected(header, Bytes(24), {"vox_offset"});
}

TEST(NiftiTest, RejectsOtherKindsByName) {
  auto header = small_header();
  std::memcpy(header.magic, "ni1", 4);
  expect_rejected(header, Bytes(24), {".hdr and .img pair"});
  std::memset(header.magic, 0, 4);
  expect_rejected(header, Bytes(24), {"Analyze"});
  header.sizeof_hdr = 540;
  expect_rejected(header, Bytes(24), {"NIfTI-2"});
}

TEST(NiftiTest, RejectsAHeaderCutShort) {
  const Bytes bytes = test::nifti_file(small_header(), {});
  const Bytes cut(bytes.begin(), bytes.begin() + 300);
  expect_error<DataError>([&] { (void)decode_volume(cut, "cut.nii"); },
                          {"cut.nii", "300 bytes", "348"});
}

TEST(NiftiTest, RejectsEveryTruncationOfAGzipFile) {
  const Bytes bytes =
      encode_nifti_gz(counting_volume({4, 5, 6}), VoxelType::kFloat32);
  for (size_t length = 2; length < bytes.size(); ++length) {
    const Bytes cut(bytes.begin(), bytes.begin() + length);
    expect_error<DataError>([&] { (void)decode_volume(cut, "cut.nii.gz"); },
                            {"cut.nii.gz"});
  }
}

TEST(NiftiTest, RejectsAGzipFileWithAWrongChecksum) {
  Bytes bytes =
      encode_nifti_gz(counting_volume({4, 5, 6}), VoxelType::kFloat32);
  bytes[bytes.size() - 6] ^= std::byte{1};
  expect_error<DataError>(
      [&] { (void)decode_volume(bytes, "crc.nii.gz"); },
      {"crc.nii.gz", "damaged gzip stream", "incorrect data check"});
}

TEST(NiftiTest, RejectsGzipDataThatEndsBeforeTheVoxels) {
  const Bytes bytes =
      test::gzipped(test::nifti_file(small_header(), Bytes(23)));
  expect_error<DataError>([&] { (void)decode_volume(bytes, "short.nii.gz"); },
                          {"short.nii.gz", "after 23 of 24 bytes"});
}

TEST(NiftiTest, ReadsGzipMembersThatFollowEachOther) {
  const Bytes bytes = test::nifti_file(small_header(), Bytes(24, std::byte{3}));
  Bytes joined = test::gzipped(std::span(bytes).first(200));
  const Bytes second = test::gzipped(std::span(bytes).subspan(200));
  joined.insert(joined.end(), second.begin(), second.end());
  EXPECT_EQ(decode_volume(joined, "two.nii.gz").voxels,
            std::vector<float>(24, 3.0F));
}

}  // namespace
}  // namespace voxlift::dataio
