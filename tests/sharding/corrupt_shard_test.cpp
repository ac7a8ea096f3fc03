// Damaged and hostile shards, each refused in words.

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <string>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "sharding/dataset.h"
#include "sharding/h5.h"
#include "sharding/verify.h"
#include "tests/sharding/packed_world.h"
#include "tests/sharding/raw_shard.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::sharding {
namespace {

using test::expect_error;
using test::RawShard;

// Opens the data set, reads everything, returns the fingerprint.
uint32_t read_all(const std::string& dir) {
  const Dataset dataset(dir, {});
  for (int64_t id = 0; id < dataset.num_samples(); ++id) {
    static_cast<void>(dataset.read(id));
  }
  return dataset.fingerprint();
}

// Changes one byte in place, without the fsync of a real write.
void poke(const std::string& path, size_t position, char value) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(position));
  file.put(value);
}

class CorruptShardTest : public testing::Test {
 protected:
  // The shard after `damage`, with an index that knows of it.
  void expect_refused(const std::function<void(RawShard&)>& damage,
                      std::initializer_list<std::string> parts) {
    RawShard shard;
    damage(shard);
    test::write_raw_dataset(temp_.path(), shard);
    expect_error<DataError>([&] { read_all(temp_.path()); }, parts);
    EXPECT_FALSE(verify_dataset(temp_.path(), nullptr).ok());
  }

  // A good data set whose shard file is then changed.
  void expect_file_refused(const std::function<void(std::string&)>& damage,
                           std::initializer_list<std::string> parts) {
    test::write_raw_dataset(temp_.path(), RawShard());
    std::string content = test::read_text(path_);
    damage(content);
    temp_.write("shard-00000.h5", content);
    expect_error<DataError>([&] { read_all(temp_.path()); }, parts);
    EXPECT_FALSE(verify_dataset(temp_.path(), nullptr).ok());
  }

  test::TempDir temp_;
  std::string path_ = temp_.file("shard-00000.h5");
};

TEST_F(CorruptShardTest, AcceptsTheShardBeforeItIsDamaged) {
  test::write_raw_dataset(temp_.path(), RawShard());
  read_all(temp_.path());
  const auto report = verify_dataset(temp_.path(), nullptr);
  EXPECT_TRUE(report.ok()) << report.problems[0];
}

TEST_F(CorruptShardTest, RejectsAFlippedBitInTheBytes) {
  expect_file_refused(
      [](std::string& content) { content[content.find("bbbb")] ^= 1; },
      {"b.jpg (shard shard-00000.h5, sample 1)", "bytes are damaged",
       "checksum is 0x", "stored is 0x"});
}

TEST_F(CorruptShardTest, RejectsAFlippedBitInTheIndex) {
  expect_file_refused(
      [](std::string& content) { content[content.find("b.jpg")] ^= 1; },
      {"shard-00000.h5'", "index is damaged", "stored is 0x"});
}

TEST_F(CorruptShardTest, RejectsATruncatedShard) {
  expect_file_refused(
      [](std::string& content) { content.resize(content.size() - 1); },
      {"shard-00000.h5'", "truncated file"});
}

TEST_F(CorruptShardTest, RejectsAnEmptyFile) {
  expect_file_refused([](std::string& content) { content.clear(); },
                      {"shard-00000.h5'", "cannot open as HDF5"});
}

TEST_F(CorruptShardTest, RejectsAFileThatIsNotHdf5) {
  expect_file_refused([](std::string& content) { content[1] = 'X'; },
                      {"shard-00000.h5'", "cannot open as HDF5"});
}

TEST_F(CorruptShardTest, RejectsAMissingShard) {
  test::write_raw_index(temp_.path(), RawShard());
  expect_error<DataError>(
      [&] { read_all(temp_.path()); },
      {"index.json' lists shard 'shard-00000.h5', which does not exist"});
}

TEST_F(CorruptShardTest, RejectsOrdinaryHdf5) {
  test::write_raw_index(temp_.path(), RawShard());
  H5File::create(path_).close();
  expect_error<DataError>([&] { read_all(temp_.path()); },
                          {path_, "not a shard", "'format'"});
}

TEST_F(CorruptShardTest, RejectsAnotherFormat) {
  expect_refused([](RawShard& shard) { shard.format = "other"; },
                 {"shard-00000.h5'", "'other'", "'voxlift-shard'"});
}

TEST_F(CorruptShardTest, RejectsANewerVersion) {
  expect_refused([](RawShard& shard) { shard.version = 2; },
                 {"shard-00000.h5'", "version is 2", "knows 1"});
}

TEST_F(CorruptShardTest, RejectsAnUnknownModality) {
  expect_refused([](RawShard& shard) { shard.modality = "sound"; },
                 {"shard-00000.h5", "sound"});
}

TEST_F(CorruptShardTest, RejectsAnotherModalityThanTheIndex) {
  expect_refused([](RawShard& shard) { shard.modality = "volume"; },
                 {"version is 1", "modality volume", "knows 2"});
}

TEST_F(CorruptShardTest, RejectsASampleThatEndsPastTheBytes) {
  expect_refused([](RawShard& shard) { shard.index.length[2] = 5; },
                 {"c.jpg (shard shard-00000.h5, sample 2)",
                  "5 bytes from byte 8", "/bytes has 12"});
}

TEST_F(CorruptShardTest, RejectsASampleThatBeginsPastTheBytes) {
  expect_refused([](RawShard& shard) { shard.index.offset[2] = 13; },
                 {"c.jpg", "4 bytes from byte 13"});
}

TEST_F(CorruptShardTest, RejectsAnOffsetThatOverflows) {
  expect_refused([](RawShard& shard) { shard.index.offset[2] = INT64_MAX - 1; },
                 {"c.jpg", "9223372036854775806"});
}

TEST_F(CorruptShardTest, RejectsNegativeNumbers) {
  expect_refused([](RawShard& shard) { shard.index.length[0] = -1; },
                 {"a.jpg", "-1 bytes from byte 0"});
  expect_refused([](RawShard& shard) { shard.index.offset[0] = -4; },
                 {"a.jpg", "4 bytes from byte -4"});
}

TEST_F(CorruptShardTest, RejectsALabelOutsideOfTheClasses) {
  expect_refused([](RawShard& shard) { shard.index.label[1] = 3; },
                 {"b.jpg", "label is 3", "3 classes"});
  expect_refused([](RawShard& shard) { shard.index.label[1] = -1; },
                 {"b.jpg", "label is -1"});
}

TEST_F(CorruptShardTest, RejectsLabelsThatContradictTheIndex) {
  expect_refused([](RawShard& shard) { shard.index.label[1] = 0; },
                 {"index.json'", "class 'x' has 1 samples", "hold 2"});
}

TEST_F(CorruptShardTest, RejectsArraysOfDifferentLength) {
  expect_refused([](RawShard& shard) { shard.index.label.pop_back(); },
                 {"/label has 2 elements, but /offset has 3"});
  expect_refused([](RawShard& shard) { shard.index.length.push_back(0); },
                 {"/length has 4 elements"});
  expect_refused([](RawShard& shard) { shard.index.crc32c.pop_back(); },
                 {"/crc32c has 2 elements"});
  expect_refused([](RawShard& shard) { shard.index.id.pop_back(); },
                 {"/id has 2 elements"});
}

TEST_F(CorruptShardTest, RejectsARepeatedId) {
  expect_refused([](RawShard& shard) { shard.index.id[2] = "a.jpg"; },
                 {"a.jpg (shard shard-00000.h5, sample 2)", "occurs twice"});
}

TEST_F(CorruptShardTest, RejectsAnIdThatIsTooLong) {
  expect_refused(
      [](RawShard& shard) { shard.index.id[2] = std::string(2000, 'x'); },
      {"/id is 2000 bytes wide", "at most 1024"});
}

TEST_F(CorruptShardTest, RejectsAWrongIndexChecksum) {
  expect_refused([](RawShard& shard) { shard.index_crc32c = 0x12345678; },
                 {"index is damaged", "stored is 0x12345678"});
}

TEST_F(CorruptShardTest, RejectsAMissingDataset) {
  for (const char* name :
       {"bytes", "offset", "length", "label", "crc32c", "id"}) {
    expect_refused([&](RawShard& shard) { shard.without = name; },
                   {"shard-00000.h5'", str_cat("/", name), "no such dataset"});
  }
}

TEST_F(CorruptShardTest, RejectsBytesOfAnotherLengthThanTheIndexSays) {
  test::write_raw_dataset(temp_.path(), RawShard());
  RawShard longer;
  longer.bytes += "dddd";
  test::write_raw_shard(path_, longer);
  expect_error<DataError>([&] { read_all(temp_.path()); },
                          {"number of stored bytes is 16", "says 12"});
}

TEST_F(CorruptShardTest, RejectsAShardOfAnotherPack) {
  test::write_raw_dataset(temp_.path(), RawShard());
  RawShard other;
  other.index.id[0] = "z.jpg";
  test::write_raw_shard(path_, other);
  expect_error<DataError>([&] { read_all(temp_.path()); },
                          {"index checksum is 0x", "index.json says 0x"});
}

TEST_F(CorruptShardTest, RejectsFewerSamplesThanTheIndexSays) {
  test::write_raw_dataset(temp_.path(), RawShard());
  RawShard fewer;
  fewer.index.offset.pop_back();
  fewer.index.length.pop_back();
  fewer.index.label.pop_back();
  fewer.index.crc32c.pop_back();
  fewer.index.id.pop_back();
  test::write_raw_shard(path_, fewer);
  expect_error<DataError>([&] { read_all(temp_.path()); },
                          {"number of samples is 2", "says 3"});
}

// One bit of every byte of a shard flipped in turn: refused in words, or
// harmless (HDF5 pads, and keeps times that nobody reads).
TEST_F(CorruptShardTest, SurvivesEveryFlippedByte) {
  test::write_raw_dataset(temp_.path(), RawShard());
  const std::string good = test::read_text(path_);
  const uint32_t fingerprint = read_all(temp_.path());
  size_t num_refused = 0;
  for (size_t i = 0; i < good.size(); ++i) {
    poke(path_, i, static_cast<char>(good[i] ^ (1 << (i % 8))));
    try {
      EXPECT_EQ(read_all(temp_.path()), fingerprint) << "byte " << i;
    } catch (const DataError&) {
      ++num_refused;
    }
    poke(path_, i, good[i]);
  }
  RecordProperty("bytes", static_cast<int>(good.size()));
  RecordProperty("refused", static_cast<int>(num_refused));
  EXPECT_GT(num_refused, 500);
}

}  // namespace
}  // namespace voxlift::sharding
