#include <gtest/gtest.h>

#include "base/files.h"
#include "base/strings.h"
#include "dataio/decode/codestream.h"
#include "dataio/decode/dicom_elements.h"
#include "dataio/decode/volume_file.h"
#include "tests/support/expect_error.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

using voxlift::test::expect_error;
using voxlift::test::TempDir;

std::string little(uint32_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) {
    text += static_cast<char>(value >> (8 * i) & 255);
  }
  return text;
}

// An explicit little-endian element with a short length.
std::string element(uint32_t tag, const std::string& vr, std::string value) {
  value += value.size() % 2 == 1 ? " " : "";
  return little(tag >> 16, 2) + little(tag & 0xffff, 2) + vr +
         little(static_cast<uint32_t>(value.size()), 2) + value;
}

std::string us(uint32_t tag, uint32_t value) {
  return element(tag, "US", little(value, 2));
}

// A slice of 1 x 2 pixels.
struct Slice {
  std::string position = "10\\20\\30";
  std::string orientation = "1\\0\\0\\0\\1\\0";
  std::string spacing = "3\\4";
  std::string slope = "2";
  std::string series = "1.2";
  std::string number = "1";
  std::string kind = "MONOCHROME2";
  uint32_t rows = 1;
  uint32_t bits = 16;
  uint16_t first_pixel = 100;
};

std::string text_element(uint32_t tag, const std::string& value) {
  return value.empty() ? "" : element(tag, "DS", value);
}

std::string dicom(const Slice& s) {
  return std::string(128, '\0') + "DICM" +
         element(0x00020010, "UI", std::string("1.2.840.10008.1.2.1\0", 20)) +
         element(0x0020000e, "UI", s.series) +
         text_element(0x00200013, s.number) +
         text_element(0x00200032, s.position) +
         text_element(0x00200037, s.orientation) + us(0x00280002, 1) +
         element(0x00280004, "CS", s.kind) + us(0x00280010, s.rows) +
         us(0x00280011, 2) + text_element(0x00280030, s.spacing) +
         us(0x00280100, s.bits) + us(0x00280101, s.bits) + us(0x00280103, 0) +
         text_element(0x00281052, "-1000") + text_element(0x00281053, s.slope) +
         little(0x00107fe0, 4) + std::string("OW\0\0", 4) + little(4, 4) +
         little(s.first_pixel, 2) + little(7, 2);
}

class DicomTest : public ::testing::Test {
 protected:
  void rejected(const Slice& slice, std::initializer_list<std::string> parts) {
    const VolumeFile file{.path = dir_.write("a.dcm", dicom(slice))};
    expect_error<DataError>([&] { (void)read_volume(file); }, {"a.dcm"});
    expect_error<DataError>([&] { (void)read_volume(file); }, parts);
  }

  // Slices of a folder, in the order of their names.
  void write_series(const std::vector<Slice>& slices) {
    for (size_t i = 0; i < slices.size(); ++i) {
      dir_.write(str_cat("s/", i, ".dcm"), dicom(slices[i]));
    }
  }

  void series_rejected(std::initializer_list<std::string> parts) {
    const VolumeFile file{.path = dir_.file("s")};
    expect_error<DataError>([&] { (void)read_volume(file); }, parts);
  }

  TempDir dir_;
};

TEST_F(DicomTest, ReadsAFileWithItsScaleAndPlace) {
  const Volume volume = read_volume({.path = dir_.write("a.dcm", dicom({}))});
  EXPECT_EQ(volume.shape, (Shape3{1, 1, 2}));
  EXPECT_EQ(volume.voxels, (std::vector<float>{-800, -986}));
  EXPECT_EQ(volume.spacing_mm, (std::array<double, 3>{1, 3, 4}));
  EXPECT_EQ(volume.affine,
            (Affine{{{0, 0, -4, -10}, {0, -3, 0, -20}, {1, 0, 0, 30}}}));
}

TEST_F(DicomTest, SortsASeriesByPosition) {
  write_series({{.position = "0\\0\\5", .first_pixel = 3},
                {.position = "0\\0\\-5", .first_pixel = 1},
                {.position = "0\\0\\0", .first_pixel = 2}});
  dir_.write("s/readme.txt", "x");
  VolumeNotes notes;
  const Volume volume = read_volume({.path = dir_.file("s")}, {}, &notes);
  EXPECT_EQ(volume.at(0, 0, 0), -998.0F);
  EXPECT_EQ(volume.at(1, 0, 0), -996.0F);
  EXPECT_EQ(volume.at(2, 0, 0), -994.0F);
  EXPECT_EQ(volume.spacing_mm[0], 5.0);
  EXPECT_EQ(volume.affine[2], (std::array<double, 4>{5, 0, 0, -5}));
  EXPECT_EQ(notes.remarks, std::vector<std::string>{"readme.txt: not DICOM"});
}

TEST_F(DicomTest, KeepsGantryTiltInTheAffine) {
  write_series({{.position = "0\\0\\0"}, {.position = "0\\1\\4"}});
  const Volume volume = read_volume({.path = dir_.file("s")});
  EXPECT_EQ(volume.spacing_mm[0], 4.0);
  EXPECT_EQ(volume.affine[1][0], -1.0);
  EXPECT_EQ(volume.affine[2][0], 4.0);
}

TEST_F(DicomTest, RefusesMissingAndDoubleSlices) {
  write_series({{.position = "0\\0\\0"},
                {.position = "0\\0\\5"},
                {.position = "0\\0\\15"}});
  series_rejected({"2.dcm", "lies 10 mm", "5 mm apart", "missing"});
  write_series({{.position = "0\\0\\0"},
                {.position = "0\\0\\0"},
                {.position = "0\\0\\5"}});
  series_rejected({"1.dcm", "position of", "0.dcm"});
  write_series({{.position = "0\\0\\0"},
                {.position = "0\\9\\5"},
                {.position = "0\\0\\10"}});
  series_rejected({"1.dcm", "9 mm off the line"});
}

TEST_F(DicomTest, RefusesSlicesThatDiffer) {
  write_series(
      {{.position = "0\\0\\0"}, {.position = "0\\0\\5", .spacing = "3\\5"}});
  series_rejected({"1.dcm", "PixelSpacing 5", "has 4"});
  write_series({{.position = "0\\0\\0"},
                {.position = "0\\0\\5", .orientation = "0\\1\\0\\1\\0\\0"}});
  series_rejected({"1.dcm", "ImageOrientationPatient differs"});
  write_series({{.position = "0\\0\\0"}, {.position = ""}});
  series_rejected({"1.dcm", "position"});
}

TEST_F(DicomTest, TakesTheNamedSeries) {
  write_series({{.series = "1.2"}, {.series = "1.3", .first_pixel = 9}});
  series_rejected({"2 DICOM series", "1.2, 1.3"});
  EXPECT_EQ(read_volume({.path = dir_.file("s"), .part = "1.3"}).voxels[0],
            -982.0F);
  expect_error<DataError>(
      [&] { (void)read_volume({.path = dir_.file("s"), .part = "9"}); },
      {"no DICOM series 9", "1.2"});
}

TEST_F(DicomTest, OrdersByNumberWherePositionsAreMissing) {
  write_series({{.position = "", .number = "2", .first_pixel = 2},
                {.position = "", .number = "1", .first_pixel = 1}});
  EXPECT_EQ(read_volume({.path = dir_.file("s")}).at(0, 0, 0), -998.0F);
  write_series(
      {{.position = "", .number = "2"}, {.position = "", .number = "2"}});
  series_rejected({"InstanceNumber 2", "neither has a position"});
}

TEST_F(DicomTest, RefusesWhatIsNoGreyImage) {
  rejected({.kind = "RGB"}, {"RGB", "want 1 of MONOCHROME1"});
  rejected({.bits = 12}, {"BitsAllocated is 12"});
  rejected({.slope = "0"}, {"RescaleSlope is 0"});
  rejected({.slope = "two"}, {"(0028,1053)", "'two'"});
  rejected({.rows = 0}, {"want at least 1 x 1 x 1"});
  rejected({.rows = 60000}, {"claims 240000 bytes", "4 bytes"});
  rejected({.orientation = "1\\0\\0"}, {"has 3 numbers, want 6"});
  rejected({.orientation = "1\\0\\0\\1\\0\\0"}, {"cosine of 1"});
  rejected({.spacing = "0\\1"}, {"spacing is 0"});
}

TEST_F(DicomTest, RefusesEveryTruncation) {
  const std::string whole = dicom({});
  for (size_t length = 133; length < whole.size(); ++length) {
    const VolumeFile file{.path =
                              dir_.write("cut.dcm", whole.substr(0, length))};
    expect_error<DataError>([&] { (void)read_volume(file); }, {"cut.dcm"});
  }
}

TEST_F(DicomTest, RefusesLengthsThatReachBeyondTheFile) {
  std::string text = dicom({});
  text.replace(text.size() - 8, 4, little(0xfffffffe, 4));
  expect_error<DataError>([&] { (void)parse_dicom(as_bytes(text), "a.dcm"); },
                          {"a.dcm", "(7fe0,0010)", "4294967294", "4 follow"});
  text.replace(text.size() - 8, 4, little(0xffffffff, 4));
  expect_error<DataError>([&] { (void)parse_dicom(as_bytes(text), "a.dcm"); },
                          {"a.dcm", "damaged DICOM"});
}

TEST(CodestreamTest, GivesTheSizeOfAJpeg2000Picture) {
  const auto size = [](char end) {
    std::string siz("\xff\x4f\xff\x51\0\x29\0\0", 8);
    for (const char number : {end, end, '\x02', '\x01'}) {
      siz += std::string(3, '\0') + number;
    }
    return codestream_size(as_bytes(siz)).value();
  };
  EXPECT_EQ(size(16), (std::array<int64_t, 2>{15, 14}));
  EXPECT_EQ(size(1), (std::array<int64_t, 2>{0, 0}));
}

TEST(DicomDataTest, ReadsACompressedSeriesInSpace) {
  const std::string path =
      voxlift::test::shared_data("data/dicom/ct_series_totalseg");
  if (path.empty()) {
    GTEST_SKIP() << voxlift::test::shared_data_missing("data/dicom");
  }
  const Volume volume = read_volume({.path = path});
  EXPECT_EQ(volume.shape, (Shape3{20, 512, 512}));
  EXPECT_EQ(volume.spacing_mm[0], 2.0);
}

}  // namespace
}  // namespace voxlift::dataio
