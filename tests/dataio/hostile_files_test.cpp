// Walks collections of damaged and odd files: each is decoded or refused with
// one line; none crashes, hangs or takes much memory.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "dataio/decode/decoder.h"
#include "tests/dataio/made_files.h"
#include "tests/support/shared_data.h"

namespace voxlift::dataio {
namespace {

namespace fs = std::filesystem;
using voxlift::test::shared_data;
using voxlift::test::shared_data_missing;

struct Outcome {
  bool accepted = false;
  std::string message;
};

// By content, as `voxlift pack` does: a scan or a picture.
Outcome try_decode(const std::string& path) {
  const test::Bytes bytes = test::file_bytes(path);
  const std::optional<Format> format = detect_format(bytes);
  try {
    if (format == Format::kNifti || format == Format::kNiftiGz) {
      const Volume volume = decode_volume(bytes, path);
      EXPECT_EQ(volume.num_voxels(),
                static_cast<int64_t>(volume.voxels.size()));
    } else {
      const Image image = decode_image(bytes, path);
      EXPECT_EQ(3 * image.height * image.width,
                static_cast<int64_t>(image.rgb.size()));
    }
    return {true, ""};
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return {false, error.what()};
  }
}

std::vector<std::string> files_below(const std::string& dir) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (entry.is_regular_file()) {
      paths.push_back(entry.path().string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{1024} * usage.ru_maxrss;
}

std::string last_name(const testing::TestParamInfo<const char*>& test_case) {
  return base_name(test_case.param);
}

class HostileFilesTest : public testing::TestWithParam<const char*> {};

TEST_P(HostileFilesTest, AreDecodedOrRefused) {
  const std::string dir = shared_data(GetParam());
  if (dir.empty()) {
    GTEST_SKIP() << shared_data_missing(GetParam());
  }
  int64_t num_accepted = 0;
  const std::vector<std::string> paths = files_below(dir);
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    num_accepted += try_decode(path).accepted ? 1 : 0;
  }
  RecordProperty("accepted", static_cast<int>(num_accepted));
  RecordProperty("files", static_cast<int>(paths.size()));
  EXPECT_LT(peak_memory_bytes(), int64_t{3} << 30);
}

INSTANTIATE_TEST_SUITE_P(
    Collections, HostileFilesTest,
    testing::Values("data/malformed/jpeg_afl", "data/malformed/jpeg_bugs",
                    "data/malformed/image_derived", "data/malformed/png_fuzz",
                    "data/malformed/png_suite_corrupt",
                    "data/malformed/nifti_derived", "data/malformed/nifti_fuzz",
                    "data/formats/pillow_images", "data/formats/pngsuite",
                    "data/formats/jpeg_exif", "data/formats/nifti"),
    last_name);

class VerdictsTest : public testing::TestWithParam<const char*> {};

TEST_P(VerdictsTest, AreKept) {
  const std::string dir = shared_data(GetParam());
  if (dir.empty()) {
    GTEST_SKIP() << shared_data_missing(GetParam());
  }
  const test::Bytes list = test::file_bytes(join_path(dir, "expected.csv"));
  int num_checked = 0;
  for (const std::string& line : str_split(as_text(list), '\n')) {
    const std::vector<std::string> fields = str_split(line, ',');
    if (fields.size() < 2 || fields[0] == "file") {
      continue;
    }
    const Outcome outcome = try_decode(join_path(dir, fields[0]));
    if (fields[1] != "either") {
      EXPECT_EQ(outcome.accepted, fields[1] == "accept")
          << line << ": " << outcome.message;
    }
    ++num_checked;
  }
  EXPECT_GT(num_checked, 10);
}

INSTANTIATE_TEST_SUITE_P(Derived, VerdictsTest,
                         testing::Values("data/malformed/image_derived",
                                         "data/malformed/nifti_derived"),
                         last_name);

// Valid pictures of every depth, colour type and interlacing; those whose name
// starts with x are damaged.
TEST(PngSuiteTest, DecodesValidAndRefusesDamagedFiles) {
  const std::string dir = shared_data("data/formats/pngsuite");
  if (dir.empty()) {
    GTEST_SKIP() << shared_data_missing("data/formats/pngsuite");
  }
  for (const std::string& path : files_below(dir)) {
    if (path.ends_with(".png")) {
      const Outcome outcome = try_decode(path);
      EXPECT_EQ(outcome.accepted, !base_name(path).starts_with("x"))
          << outcome.message;
    }
  }
}

}  // namespace
}  // namespace voxlift::dataio
