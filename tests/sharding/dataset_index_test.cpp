#include "sharding/dataset_index.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::sharding {
namespace {

using test::expect_error;

class DatasetIndexTest : public testing::Test {
 protected:
  DatasetIndexTest() {
    DatasetIndex index;
    index.classes = {"cat", "dög"};
    index.samples_per_class = {3, 4};
    index.plan_digest = "00ff";
    index.shards = {{"shard-00000.h5", 5, 100, 1}, {"b.h5", 2, 20, 0xFFFFFFFF}};
    json_ = index_to_json(index);
  }

  DatasetIndex read() const {
    temp_.write("index.json", json_.dump());
    return read_dataset_index(temp_.path(), RealFiles());
  }

  void expect_refused(std::initializer_list<std::string> parts) const {
    expect_error<DataError>([&] { read(); }, parts);
  }

  Json json_;
  test::TempDir temp_;
};

TEST_F(DatasetIndexTest, ReturnsFromItsFile) {
  const DatasetIndex index = read();
  EXPECT_EQ(index.num_samples(), 7);
  EXPECT_EQ(index.classes[1], "dög");
  EXPECT_EQ(index.shards[1].file, "b.h5");
  EXPECT_EQ(index.shards[1].index_crc32c, 0xFFFFFFFF);
  EXPECT_EQ(index_to_json(index), json_);
}

TEST_F(DatasetIndexTest, NamesTheFolderThatHoldsNone) {
  expect_error<IoError>([&] { read_dataset_index(temp_.path(), RealFiles()); },
                        {"index.json", "No such file"});
}

TEST_F(DatasetIndexTest, RejectsWhatIsNotJson) {
  temp_.write("index.json", "{\"format\": ");
  expect_error<DataError>(
      [&] { read_dataset_index(temp_.path(), RealFiles()); }, {"index.json"});
}

TEST_F(DatasetIndexTest, RejectsAnotherFormat) {
  json_["format"] = "something";
  expect_refused({"index.json", "'something'", "'voxlift-index'"});
}

TEST_F(DatasetIndexTest, RejectsANewerVersion) {
  json_["version"] = 2;
  expect_refused({"index.json", "version is 2", "knows 1"});
}

TEST_F(DatasetIndexTest, RejectsAnUnknownModality) {
  json_["modality"] = "sound";
  expect_refused({"index.json", "sound"});
}

TEST_F(DatasetIndexTest, RejectsACountThatIsNotTheSum) {
  json_["num_samples"] = 8;
  expect_refused({"num_samples is 8", "sum over its shards is 7"});
}

TEST_F(DatasetIndexTest, RejectsClassCountsThatDoNotAddUp) {
  json_["samples_per_class"] = {3, 5};
  expect_refused({"num_samples is 7", "samples_per_class is 8"});
}

TEST_F(DatasetIndexTest, RejectsClassCountsOfAnotherLength) {
  json_["samples_per_class"] = {7};
  expect_refused(
      {"length of samples_per_class is 1", "number of classes is 2"});
}

TEST_F(DatasetIndexTest, RejectsAShardOutsideOfItsFolder) {
  json_["shards"][0]["file"] = "../other/a.h5";
  expect_refused({"'../other/a.h5'", "not the name of a file beside it"});
}

TEST_F(DatasetIndexTest, RejectsNegativeNumbers) {
  json_["shards"][1]["num_samples"] = -2;
  expect_refused({"'b.h5' has -2 samples"});
}

TEST_F(DatasetIndexTest, RejectsAMissingMember) {
  json_["shards"][1].erase("bytes");
  expect_refused({"index.json", "bytes"});
}

TEST(PlainFileNameTest, AllowsNamesOnly) {
  EXPECT_TRUE(is_plain_file_name("shard-00000.h5"));
  for (const char* name : {"", ".", "..", ".x", "a/b", "/a"}) {
    EXPECT_FALSE(is_plain_file_name(name)) << name;
  }
}

}  // namespace
}  // namespace voxlift::sharding
