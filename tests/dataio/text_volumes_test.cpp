// MetaImage and NRRD: text headers before binary voxels.

#include <gtest/gtest.h>

#include "dataio/decode/metaimage_header.h"
#include "dataio/decode/nrrd_header.h"
#include "dataio/decode/volume_file.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

using voxlift::test::expect_error;
using voxlift::test::TempDir;

const std::string kMeta =
    "ObjectType = Image\nNDims = 3\nBinaryData = True\n"
    "TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 10 20 30\n"
    "ElementSpacing = 0.5 0.75 2\nDimSize = 3 2 1\n"
    "ElementType = MET_UCHAR\n";
const std::string kNrrd =
    "NRRD0004\n# comment\ntype: uchar\ndimension: 3\n"
    "space: left-posterior-superior\nsizes: 3 2 1\n"
    "space directions: (0.5,0,0) (0,0.75,0) (0,0,2)\n"
    "space origin: (10,20,30)\nencoding: raw\n";

const Affine kAffine = {{{0, 0, -0.5, -10}, {0, -0.75, 0, -20}, {2, 0, 0, 30}}};

void expect_sixth(const Volume& volume) {
  EXPECT_EQ(volume.shape, (Shape3{1, 2, 3}));
  EXPECT_EQ(volume.spacing_mm, (std::array<double, 3>{2.0, 0.75, 0.5}));
  EXPECT_EQ(volume.affine, kAffine);
  EXPECT_EQ(volume.voxels, (std::vector<float>{97, 98, 99, 100, 101, 102}));
}

std::string with(std::string text, const std::string& from,
                 const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(MetaImageTest, ReadsVoxelsAfterOrBesideTheHeader) {
  const TempDir dir;
  expect_sixth(read_volume(
      {.path = dir.write("a.mha", kMeta + "ElementDataFile = LOCAL\nabcdef")}));
  dir.write("b.raw", "xyabcdef");
  for (const char* skip : {"2", "-1"}) {
    expect_sixth(read_volume(
        {.path = dir.write("b.mhd", kMeta + "HeaderSize = " + skip +
                                        "\nElementDataFile = b.raw\n")}));
  }
}

TEST(MetaImageTest, RefusesByKey) {
  const auto rejected = [](const std::string& header,
                           std::initializer_list<std::string> parts) {
    const std::string text = header + "ElementDataFile = LOCAL\n";
    expect_error<DataError>(
        [&] { (void)parse_metaimage_header(text, "a.mha"); }, parts);
  };
  rejected(with(kMeta, "NDims = 3", "NDims = 4"), {"a.mha", "NDims", "4"});
  rejected(with(kMeta, "3 2 1", "3 2"), {"DimSize", "3 2", "want 3"});
  rejected(with(kMeta, "MET_UCHAR", "MET_STRING"), {"MET_STRING"});
  rejected(with(kMeta, "BinaryData = True", "BinaryData = False"), {"text"});
  rejected(with(kMeta, "0.5 0.75 2", "0.5 0.75 0"), {"spacing is 0"});
  rejected(with(kMeta, "0.5 0.75 2", "0.5 nan 1"), {"finite"});
  rejected(with(kMeta, "1 0 0 0 1 0", "1 0 0 1 0 0"), {"singular"});
  rejected(kMeta + "ElementNumberOfChannels = 3\n", {"Channels", "3"});
  rejected(kMeta + "NDims = 3\n", {"NDims", "twice"});
  rejected(kMeta + "nonsense\n", {"nonsense"});
  rejected(kMeta + "CompressedData = maybe\n", {"maybe", "True or False"});
  rejected(kMeta + "ElementDataFile = LIST\n", {"LIST"});
  expect_error<DataError>([] { (void)parse_metaimage_header(kMeta, "a.mha"); },
                          {"without ElementDataFile"});
}

TEST(MetaImageTest, RefusesDataElsewhereAndTooLittle) {
  const TempDir dir;
  for (const char* name : {"../b.raw", "/etc/passwd", ".."}) {
    const VolumeFile file{
        .path = dir.write("b.mhd", kMeta + "ElementDataFile = " + name)};
    expect_error<DataError>([&] { (void)read_volume(file); },
                            {"b.mhd", name, "plain name"});
  }
  const VolumeFile cut{
      .path = dir.write("a.mha", kMeta + "ElementDataFile = LOCAL\nabcde")};
  expect_error<DataError>([&] { (void)read_volume(cut); },
                          {"a.mha", "claims 6 bytes", "5"});
}

TEST(NrrdTest, ReadsAttachedDetachedAndText) {
  const TempDir dir;
  expect_sixth(read_volume({.path = dir.write("a.nrrd", kNrrd + "\nabcdef")}));
  dir.write("b.raw", "line\nxyabcdef");
  expect_sixth(read_volume(
      {.path = dir.write("b.nhdr", kNrrd + "line skip: 1\nbyte skip: 2\n"
                                           "data file: b.raw\n")}));
  expect_sixth(read_volume(
      {.path = dir.write("c.nrrd", with(kNrrd, "raw", "ascii") +
                                       "\n97 98 99\n100 101 102\n")}));
}

TEST(NrrdTest, PicksAFrameOfFour) {
  const TempDir dir;
  std::string four = with(kNrrd, "sizes: 3 2 1", "sizes: 3 2 1 2");
  four = with(four, "dimension: 3", "dimension: 4");
  four = with(four, "(0,0,2)", "(0,0,2) none");
  expect_sixth(read_volume(
      {.path = dir.write("a.nrrd", four + "\nABCDEFabcdef"), .position = 1}));
}

TEST(NrrdTest, RefusesByField) {
  const auto rejected = [](const std::string& header,
                           std::initializer_list<std::string> parts) {
    expect_error<DataError>(
        [&] { (void)parse_nrrd_header(header + "\n", "a.nrrd"); }, parts);
  };
  rejected(with(kNrrd, "NRRD0004", "NRRD0009"), {"a.nrrd", "NRRD0009"});
  rejected(with(kNrrd, "uchar", "block"), {"type", "block"});
  rejected(with(kNrrd, "uchar", "short"), {"without 'endian'"});
  rejected(with(kNrrd, "raw", "hex"), {"encoding", "hex"});
  rejected(with(kNrrd, "left-posterior", "right-posterior"), {"space"});
  rejected(with(kNrrd, "(0,0,2)", "(0,0,0)"), {"spacing is 0"});
  rejected(with(kNrrd, "(0,0,2)", "none"), {"vectors like"});
  rejected(with(kNrrd, "sizes: 3 2 1", "sizes: 3 2"), {"sizes", "want 3"});
  rejected(kNrrd + "kinds: RGB-color domain domain\n", {"kinds", "RGB-color"});
  rejected(kNrrd + "colour: red\n", {"colour: red"});
  rejected(kNrrd + "type: uchar\n", {"'type'", "twice"});
  rejected(kNrrd + "data file: LIST\n", {"LIST"});
  rejected(kNrrd + "byte skip: -2\n", {"byte skip"});
  expect_error<DataError>([] { (void)parse_nrrd_header(kNrrd, "a.nrrd"); },
                          {"without an end"});
}

TEST(NrrdTest, RefusesTooLittleData) {
  const TempDir dir;
  const auto rejected = [&](const std::string& content,
                            std::initializer_list<std::string> parts) {
    const VolumeFile file{.path = dir.write("a.nrrd", content)};
    expect_error<DataError>([&] { (void)read_volume(file); }, parts);
  };
  rejected(kNrrd + "\nabcde", {"a.nrrd", "claims", "5"});
  rejected(with(kNrrd, "raw", "gzip") + "\nabcdef", {"damaged gzip"});
  rejected(with(kNrrd, "raw", "bzip2") + "\nabcdef", {"damaged bzip2"});
  rejected(with(kNrrd, "raw", "ascii") + "\n1 2 3", {"cannot hold"});
  rejected(with(kNrrd, "raw", "ascii") + "\n1 2 3 4 5 six", {"'six'"});
}

}  // namespace
}  // namespace voxlift::dataio
