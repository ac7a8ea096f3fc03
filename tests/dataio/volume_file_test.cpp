#include "dataio/decode/volume_file.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/files.h"
#include "dataio/decode/decoder.h"
#include "tests/dataio/made_files.h"
#include "tests/support/expect_error.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

using test::Bytes;
using voxlift::test::expect_error;
using voxlift::test::TempDir;

std::string text(const Bytes& bytes) {
  return std::string(as_text(bytes));
}

void expect_rejected(const VolumeFile& file,
                     std::initializer_list<std::string> parts) {
  expect_error<DataError>([&] { (void)read_volume(file); }, parts);
}

TEST(VolumeFileTest, RefusesOtherFormatsByName) {
  const TempDir dir;
  const auto rejected = [&](const std::string& content, const char* why) {
    expect_rejected({.path = dir.write("a.x", content)}, {"a.x", why});
  };
  rejected("", "empty");
  rejected("\x89HDF\r\n\x1a\n", "packed shards");
  rejected(std::string("II*\0", 4), "TIFF");
  rejected("RIFFxxxxWEBP", "WebP");
  rejected("\xff\xd8\xff\xe0", "JPEG");
  rejected("hello", "68 65 6c 6c");
  rejected(text(test::gzipped(as_bytes("hello"))), "gzip of what is no NIfTI");
}

TEST(VolumeFileTest, RefusesFieldsWithoutMeaning) {
  const TempDir dir;
  const std::string path = dir.write(
      "a.nii", text(test::nifti_file(test::nifti_header(DT_UINT8, 8, {2, 1, 1}),
                                     Bytes(2))));
  expect_rejected({.path = path, .part = "x"}, {"part 'x'", "no parts"});
  expect_rejected({.path = path, .first_slice = 1, .last_slice = 2},
                  {"slices 1 to 2"});
  expect_rejected({.path = path, .position = 1}, {"position 1", "there are 1"});
  EXPECT_EQ(read_volume({.path = path}).shape, (Shape3{1, 1, 2}));
}

TEST(VolumeFileTest, ReadsNiftiPairsFromEitherName) {
  const TempDir dir;
  auto header = test::nifti_header(DT_UINT8, 8, {2, 1, 1});
  header.vox_offset = 0;
  std::memcpy(header.magic, "ni1", 4);
  Bytes bytes = test::nifti_file(header, {});
  const std::string hdr = dir.write("a.hdr", text(bytes));
  expect_rejected({.path = hdr}, {"a.hdr", "no a.img"});
  const std::string img = dir.write("a.img", "ab");
  EXPECT_EQ(read_volume({.path = hdr}).voxels, (std::vector<float>{97, 98}));
  EXPECT_EQ(read_volume({.path = img}).voxels, (std::vector<float>{97, 98}));
}

TEST(VolumeFileTest, TakesTheSformThenTheCentre) {
  const TempDir dir;
  auto header = test::nifti_header(DT_UINT8, 8, {3, 1, 1});
  const auto read = [&] {
    return read_volume(
        {.path = dir.write("a.nii", text(test::nifti_file(header, Bytes(3))))});
  };
  header.sform_code = 0;
  header.qform_code = 0;
  EXPECT_EQ(read().affine,
            (Affine{{{0, 0, -1, 1}, {0, 2, 0, 0}, {3, 0, 0, 0}}}));
  header.sform_code = 1;
  header.srow_x[0] = 0.0F;
  header.srow_x[1] = 2.0F;
  header.srow_x[3] = 5.0F;
  header.srow_y[0] = 1.0F;
  header.srow_z[2] = 3.0F;
  EXPECT_EQ(read().affine[0], (std::array<double, 4>{0, 2, 0, 5}));
  header.srow_z[2] = 0.0F;
  expect_error<DataError>([&] { (void)read(); },
                          {"a.nii", "sform", "singular"});
}

TEST(VolumeFileTest, PicksAFrameOfNifti) {
  const TempDir dir;
  auto header = test::nifti_header(DT_UINT8, 8, {1, 1, 1});
  header.dim[0] = 4;
  header.dim[4] = 2;
  const std::string path = dir.write(
      "a.nii",
      text(test::nifti_file(header, Bytes{std::byte{7}, std::byte{9}})));
  EXPECT_EQ(read_volume({.path = path, .position = 1}).voxels,
            std::vector<float>{9});
  expect_rejected({.path = path}, {"2 frames"});
}

// 16 x 16 pixels of 16 bits, all of this value.
std::string slice(uint16_t value) {
  std::vector<uint8_t> row;
  for (int i = 0; i < 16; ++i) {
    row.push_back(static_cast<uint8_t>(value >> 8));
    row.push_back(static_cast<uint8_t>(value & 255));
  }
  return text(test::made_png({.color_type = 0, .bit_depth = 16}, row));
}

TEST(VolumeFileTest, ReadsNumberedSlicesWithAllTheirBits) {
  const TempDir dir;
  dir.write("s/009.png", slice(32767));
  dir.write("s/010.png", slice(32769));
  dir.write("s/notes.txt", "x");
  VolumeFile file{.path = dir.file("s"), .subtract = 32768};
  VolumeNotes notes;
  const Volume volume = read_volume(file, {}, &notes);
  EXPECT_EQ(volume.shape, (Shape3{2, 16, 16}));
  EXPECT_EQ(volume.at(0, 3, 3), -1.0F);
  EXPECT_EQ(volume.at(1, 15, 15), 1.0F);
  EXPECT_EQ(notes.remarks.size(), 1U);
  file.first_slice = 10;
  file.last_slice = 10;
  EXPECT_EQ(read_volume(file).at(0, 0, 0), 1.0F);
  file.last_slice = 12;
  expect_rejected(file, {"2 of slices 10 to 12 are missing: 11, 12"});
}

TEST(VolumeFileTest, RefusesOtherPngAsSlices) {
  const TempDir dir;
  const std::vector<uint8_t> row(48, 1);
  const VolumeFile rgb{
      .path = dir.write("a.png", text(test::made_png({.color_type = 2}, row)))};
  expect_rejected(rgb, {"a.png", "colour type 2"});
  const VolumeFile grey{
      .path = dir.write("g.png", text(test::made_png({.color_type = 0}, row))),
      .subtract = 5};
  expect_rejected(grey, {"8 bits", "subtracted from 16-bit"});
  dir.write("s/1.png", slice(1));
  dir.write("s/01.png", slice(1));
  expect_rejected({.path = dir.file("s")}, {"01.png", "1.png", "one number"});
}

TEST(VolumeFileTest, ReadsNpzMembersOfTheRealData) {
  const std::string root =
      voxlift::test::shared_data("data/formats/npy_derived");
  if (root.empty()) {
    GTEST_SKIP() << voxlift::test::shared_data_missing("data/formats");
  }
  const VolumeFile plain{.path = root + "/hippocampus_011_c_i2.npy"};
  for (const char* name :
       {"/hippocampus_011_deflate.npz", "/hippocampus_011_stored.npz"}) {
    expect_rejected({.path = root + name}, {"members", "image.npy"});
    EXPECT_EQ(read_volume({.path = root + name, .part = "image"}).voxels,
              read_volume(plain).voxels);
  }
}

}  // namespace
}  // namespace voxlift::dataio
