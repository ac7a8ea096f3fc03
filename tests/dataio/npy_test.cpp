#include "dataio/decode/npy.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/strings.h"
#include "dataio/decode/volume_file.h"
#include "dataio/encode/npy_writer.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

using voxlift::test::expect_error;
using voxlift::test::TempDir;

std::string header_of(const std::string& dict) {
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dict.size() & 0xff);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

std::string dict(const std::string& descr, const std::string& fortran,
                 const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran +
         ", 'shape': " + shape + ", }\n";
}

NpyHeader parse(const std::string& text) {
  return parse_npy_header(as_bytes(header_of(text)), "a.npy");
}

void expect_rejected(const std::string& text,
                     std::initializer_list<std::string> parts) {
  expect_error<DataError>([&] { (void)parse(text); }, {"a.npy"});
  expect_error<DataError>([&] { (void)parse(text); }, parts);
}

TEST(NpyTest, ParsesWhatNumPyWrites) {
  const NpyHeader header = parse(dict("<i2", "False", "(31, 50, 36)"));
  EXPECT_EQ(header.code.type, ScalarType::kInt16);
  EXPECT_FALSE(header.code.swapped);
  EXPECT_FALSE(header.fortran_order);
  EXPECT_EQ(header.shape, (std::vector<int64_t>{31, 50, 36}));
  EXPECT_TRUE(parse(dict(">f8", "True", "(3,)")).code.swapped);
  EXPECT_TRUE(parse(dict(">f8", "True", "(3,)")).fortran_order);
  EXPECT_EQ(parse(dict("|b1", "False", "()")).shape.size(), 0U);
}

TEST(NpyTest, RefusesTypesThatAreNoNumber) {
  expect_rejected(dict("|O", "False", "(2, 2)"), {"'|O'", "never read"});
  expect_rejected(dict("<c8", "False", "(2, 2)"), {"complex"});
  expect_rejected(dict("<U4", "False", "(2, 2)"), {"text"});
  expect_rejected(dict("i2", "False", "(2, 2)"), {"'i2'"});
  expect_rejected(
      "{'descr': [('a', '<i2')], 'fortran_order': False, "
      "'shape': (1,)}",
      {"records"});
}

TEST(NpyTest, RefusesWhatIsNoPlainHeader) {
  expect_rejected("print(1)", {"want '{'", "character 0"});
  expect_rejected("{'descr': '<i2'}", {"want the keys"});
  expect_rejected("{'descr': '<i2', 'descr': '<i2'}", {"descr", "twice"});
  expect_rejected("{'descr\n': 1}", {"descr", "unknown"});
  expect_rejected("{'descr': '<i2", {"a quoted type"});
  expect_rejected(dict("<i2", "None", "(2, 2)"), {"True or False"});
  expect_rejected(dict("<i2", "False", "(-2, 2)"), {"whole number"});
  expect_rejected(dict("<i2", "False", "(2.0, 2)"), {"want ')'"});
  expect_rejected(dict("<i2", "False", "(99999999999999999999, 2)"),
                  {"whole number of 64 bits"});
  expect_rejected(dict("<i2", "False", "(1, 2)") + "x", {"the end"});
}

TEST(NpyTest, RefusesAHeaderLongerThanTheFile) {
  std::string cut = header_of(dict("<i2", "False", "(1, 2)"));
  cut.resize(40);
  expect_error<DataError>(
      [&] { (void)parse_npy_header(as_bytes(cut), "cut.npy"); },
      {"cut.npy", "claims", "there are 30"});
  expect_error<DataError>(
      [&] { (void)parse_npy_header(as_bytes("\x93NUMPY"), "m.npy"); },
      {"m.npy", "6 bytes"});
}

// Counts up in the order of the file.
std::string file_of(const std::string& fortran, const std::string& shape,
                    int count) {
  std::string file = header_of(dict("|u1", fortran, shape));
  for (int i = 0; i < count; ++i) {
    file += static_cast<char>(i);
  }
  return file;
}

TEST(NpyTest, ReadsBothOrders) {
  const TempDir dir;
  const VolumeFile c{.path =
                         dir.write("c.npy", file_of("False", "(2, 3, 2)", 12))};
  const VolumeFile f{.path =
                         dir.write("f.npy", file_of("True", "(2, 3, 2)", 12))};
  EXPECT_EQ(read_volume(c).at(1, 0, 1), 7.0F);
  EXPECT_EQ(read_volume(f).at(1, 0, 1), 7.0F);
  EXPECT_EQ(read_volume(c).at(0, 1, 0), 2.0F);
  EXPECT_EQ(read_volume(f).at(0, 1, 0), 2.0F);
  EXPECT_EQ(read_volume(f).at(1, 2, 0), 5.0F);
}

TEST(NpyTest, PicksOneOfFourAxes) {
  const TempDir dir;
  VolumeFile file{.path =
                      dir.write("a.npy", file_of("False", "(3, 1, 2, 2)", 12))};
  expect_error<DataError>([&] { (void)read_volume(file); },
                          {"a.npy", "3 frames", "position"});
  file.position = 1;
  EXPECT_EQ(read_volume(file).voxels, (std::vector<float>{4, 5, 6, 7}));
  file.position = 3;
  expect_error<DataError>([&] { (void)read_volume(file); },
                          {"position 3", "there are 3"});
  file = {.path = dir.write("f.npy", file_of("True", "(3, 1, 2, 2)", 12)),
          .position = 1};
  EXPECT_EQ(read_volume(file).voxels, (std::vector<float>{1, 7, 4, 10}));
}

TEST(NpyTest, RefusesMoreThanTheFileHolds) {
  const TempDir dir;
  const auto rejected = [&](const std::string& shape, int count,
                            std::initializer_list<std::string> parts) {
    const VolumeFile file{
        .path = dir.write("a.npy", file_of("False", shape, count))};
    expect_error<DataError>([&] { (void)read_volume(file); }, parts);
  };
  rejected("(2, 3, 2)", 11, {"claims 12 bytes", "11"});
  rejected("(2, 3, 2)", 13, {"1 bytes follow"});
  rejected("(1000, 1000, 1000)", 9, {"claims 1000000000 bytes"});
  rejected("(99999999999, 99999999999, 9)", 9, {"limit"});
  rejected("(0, 3, 2)", 0, {"want at least 1 x 1 x 1"});
  rejected("(99999999999, 1, 1, 2)", 9, {"frames"});
  rejected("(12,)", 12, {"1 axes", "want 2 to 4"});
}

// As numpy.arange(12).reshape(2, 3, 2), read as (H, W, D).
TEST(NpyTest, MovesTheDepthToTheFrontWhereItIsLast) {
  const TempDir dir;
  const VolumeFile file{
      .path = dir.write("a.npy", file_of("False", "(2, 3, 2)", 12)),
      .axes = ArrayAxes::kHWD};
  const Volume volume = read_volume(file);
  EXPECT_EQ(volume.shape, (Shape3{2, 2, 3}));
  EXPECT_EQ(volume.voxels,
            (std::vector<float>{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11}));
}

TEST(NpyTest, ReadsWhatTheWriterWrites) {
  const TempDir dir;
  const std::vector<float> voxels = {1.5F, -2.0F};
  const VolumeFile file{
      .path = dir.write(
          "w.npy", npy_header({1, 1, 2}) +
                       std::string(as_text(std::as_bytes(std::span(voxels))))),
      .spacing_mm = std::array{3.0, 2.0, 1.0}};
  const Volume volume = read_volume(file);
  EXPECT_EQ(volume.voxels, voxels);
  EXPECT_EQ(volume.spacing_mm, (std::array<double, 3>{3, 2, 1}));
  EXPECT_EQ(npy_header({1, 1, 2}).size() % 64, 0U);
}

}  // namespace
}  // namespace voxlift::dataio
