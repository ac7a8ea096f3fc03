#include "sharding/h5.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/strings.h"
#include "tests/support/expect_error.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace voxlift::sharding {
namespace {

using test::expect_error;

class H5Test : public testing::Test {
 protected:
  // Writes a file with one group, some datasets and attributes.
  void SetUp() override {
    H5File file = H5File::create(path_);
    H5Group root = file.root();
    root.write_string_attribute("text", "three words here");
    root.write_string_attribute("empty", "");
    root.write_attribute<int64_t>("whole", -5);
    root.write_attribute<uint32_t>("unsigned", 0xFFFFFFFF);
    root.write_attribute<double>("real", 0.25);
    H5Group group = root.create_group("eval");
    auto data = group.create_dataset<float>("value", {2, 3});
    auto row = group.create_dataset<int64_t>("flat_index", {4});
    row.write<int64_t>(std::vector<int64_t>{1, 2});
    row.write<int64_t>(std::vector<int64_t>{3, 4}, 2);
    root.create_strings("id", {"a", "longer one", ""});
    root.create_dataset<uint8_t>("none", {0});
  }

  test::TempDir temp_;
  std::string path_ = temp_.file("a.h5");
};

TEST_F(H5Test, ReadsAttributesBack) {
  const H5Group root = H5File::open(path_).root();
  EXPECT_EQ(root.read_string_attribute("text"), "three words here");
  EXPECT_EQ(root.read_string_attribute("empty"), "");
  EXPECT_EQ(root.read_attribute<int64_t>("whole"), -5);
  EXPECT_EQ(root.read_attribute<uint32_t>("unsigned"), 0xFFFFFFFF);
  EXPECT_EQ(root.read_attribute<int64_t>("unsigned"), 0xFFFFFFFF);
  EXPECT_EQ(root.read_attribute<double>("real"), 0.25);
  EXPECT_EQ(
      root.attribute_names(),
      (std::vector<std::string>{"empty", "real", "text", "unsigned", "whole"}));
  EXPECT_TRUE(root.has_attribute("real"));
  EXPECT_FALSE(root.has_attribute("unreal"));
}

TEST_F(H5Test, ReadsDatasetsBack) {
  const H5Group root = H5File::open(path_).root();
  EXPECT_EQ(root.children(), (std::vector<std::string>{"eval", "id", "none"}));
  EXPECT_TRUE(root.has("eval"));
  const H5Group group = root.group("eval");
  EXPECT_EQ(group.dataset("flat_index").read<int64_t>(),
            (std::vector<int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(group.dataset("value").shape(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(group.dataset("value").read<double>().size(), 6);
  EXPECT_EQ(root.dataset("id").read_strings(),
            (std::vector<std::string>{"a", "longer one", ""}));
  EXPECT_TRUE(root.dataset("none").read<uint8_t>().empty());
}

TEST_F(H5Test, GivesThePlaceOfTheBytes) {
  const H5Dataset row =
      H5File::open(path_).root().group("eval").dataset("flat_index");
  ASSERT_TRUE(row.file_offset().has_value());
  std::vector<int64_t> values(4);
  FileDescriptor(path_, 0).read_at(std::as_writable_bytes(std::span(values)),
                                   *row.file_offset());
  EXPECT_EQ(values, (std::vector<int64_t>{1, 2, 3, 4}));
}

TEST_F(H5Test, KeepsThousandsOfAttributes) {
  const std::string path = temp_.file("dense.h5");
  {
    H5File file = H5File::create(path);
    H5Group root = file.root();
    for (int i = 0; i < 3000; ++i) {
      root.write_attribute<int64_t>(str_cat("layer", i, ".weight"), i);
    }
  }
  const H5Group root = H5File::open(path).root();
  EXPECT_EQ(root.attribute_names().size(), 3000);
  EXPECT_EQ(root.read_attribute<int64_t>("layer2999.weight"), 2999);
}

TEST_F(H5Test, RejectsWhatIsNotThere) {
  const H5Group root = H5File::open(path_).root();
  expect_error<DataError>([&] { root.dataset("nothing"); },
                          {path_, "/nothing", "no such dataset"});
  expect_error<DataError>([&] { root.group("eval").group("c2"); },
                          {path_, "/eval/c2", "no such group"});
  expect_error<DataError>([&] { root.read_attribute<double>("unreal"); },
                          {path_, "attribute 'unreal'", "no such attribute"});
}

TEST_F(H5Test, RejectsATypeThatDoesNotFit) {
  const H5Group root = H5File::open(path_).root();
  expect_error<DataError>([&] { root.read_attribute<int64_t>("real"); },
                          {"'real'", "holds float64", "not fit int64"});
  expect_error<DataError>([&] { root.read_attribute<float>("real"); },
                          {"holds float64", "not fit float32"});
  expect_error<DataError>([&] { root.read_attribute<uint32_t>("whole"); },
                          {"holds int64", "not fit uint32"});
  expect_error<DataError>([&] { root.read_attribute<uint8_t>("unsigned"); },
                          {"holds uint32", "not fit uint8"});
  expect_error<DataError>([&] { root.read_string_attribute("whole"); },
                          {"holds int64", "not a string"});
  expect_error<DataError>([&] { root.dataset("id").read<int64_t>(); },
                          {"/id", "holds a string", "not fit int64"});
}

TEST_F(H5Test, RejectsMoreElementsThanAllowed) {
  const H5Group root = H5File::open(path_).root();
  expect_error<DataError>(
      [&] { root.group("eval").dataset("flat_index").read<int64_t>(3); },
      {"/eval/flat_index", "4 elements", "at most 3"});
}

TEST_F(H5Test, NamesAMissingFile) {
  expect_error<IoError>([&] { H5File::open(temp_.file("no.h5")); },
                        {"no.h5", "No such file"});
}

TEST_F(H5Test, RejectsAFileThatIsNotHdf5) {
  const std::string path = temp_.write("text.h5", "no HDF5 at all");
  expect_error<DataError>([&] { H5File::open(path); },
                          {path, "cannot open as HDF5", "signature"});
}

TEST_F(H5Test, RejectsATruncatedFile) {
  const std::string content = test::read_text(path_);
  const std::string path =
      temp_.write("cut.h5", content.substr(0, content.size() - 10));
  expect_error<DataError>([&] { H5File::open(path); },
                          {path, "truncated file"});
}

TEST_F(H5Test, NamesTheFolderThatIsMissing) {
  expect_error<IoError>([&] { H5File::create(temp_.file("no/a.h5")); },
                        {"no/a.h5", "cannot create", "No such file"});
}

}  // namespace
}  // namespace voxlift::sharding

// After a failed write the library is left as it is, on purpose.
extern "C" const char* __lsan_default_suppressions();

extern "C" const char* __lsan_default_suppressions() {
  return "leak:libhdf5\n";
}

namespace voxlift::sharding {
namespace {

// A limit on the file's size stands for the full disk. Ends the process: 4 if
// that was reported.
[[noreturn]] void write_beyond_limit(const std::string& path) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{100'000, 100'000};
  setrlimit(RLIMIT_FSIZE, &limit);
  try {
    H5File file = H5File::create(path);
    auto data = file.root().create_dataset<uint8_t>("x", {1'000'000});
    data.write<uint8_t>(std::vector<uint8_t>(1'000'000));
    file.close();
  } catch (const IoError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::exit(4);
  }
  std::exit(0);
}

TEST_F(H5Test, ReportsAWriteThatDoesNotFit) {
  EXPECT_EXIT(write_beyond_limit(temp_.file("big.h5")),
              testing::ExitedWithCode(4), "big.h5.*File too large");
}

TEST_F(H5Test, ReadsAGoldenFile) {
  const std::string name = "parity/resnet3d18_bn_pretrain.h5";
  const std::string path = test::shared_data(name);
  if (path.empty()) {
    GTEST_SKIP() << test::shared_data_missing(name);
  }
  const H5Group root = H5File::open(path).root();
  const Json model = parse_json(root.read_string_attribute("model"), path);
  EXPECT_EQ(model.at("network"), "resnet3d");
  EXPECT_EQ(root.read_array_attribute<int64_t>("input_shape").size(), 5);
  EXPECT_GT(root.group("parameters").attribute_names().size(), 100);
  EXPECT_EQ(root.group("parameters")
                .read_array_attribute<int64_t>("backbone.bn1.bias"),
            (std::vector<int64_t>{64}));
  const H5Group stage = root.group("eval").group("stage1");
  EXPECT_EQ(stage.dataset("flat_index").read<int64_t>().size(),
            stage.dataset("value").read<float>().size());
  EXPECT_GT(stage.read_attribute<double>("absmax"), 0.0);
  const H5Group train = root.group("train");
  EXPECT_EQ(train.dataset("loss").read<double>().size(), 5);
  const H5Group norms = train.group("grad_l2_step0");
  EXPECT_GT(norms.read_attribute<double>(norms.attribute_names().front()), 0.0);
}

}  // namespace
}  // namespace voxlift::sharding
