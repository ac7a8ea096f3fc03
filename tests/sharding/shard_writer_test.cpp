#include "sharding/shard_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/crc32c.h"
#include "base/error.h"
#include "sharding/shard_reader.h"
#include "tests/support/expect_error.h"
#include "tests/support/faulty_files.h"
#include "tests/support/temp_dir.h"

namespace voxlift::sharding {
namespace {

using test::expect_error;

const ShardHeader kHeader{dataio::Modality::kPhotograph, "0123456789abcdef"};

class ShardWriterTest : public testing::Test {
 protected:
  test::TempDir temp_;
  std::string path_ = temp_.file("shard-00000.h5");
  RealFiles files_;
};

TEST_F(ShardWriterTest, WritesWhatTheReaderReads) {
  ShardWriter writer(path_, kHeader, 11, files_);
  writer.append(as_bytes("hello"), 3, "dir/a.nii");
  writer.append(as_bytes(""), 0, "b.nii");
  writer.append(as_bytes("world!"), 1, "dir with blanks/ü.nii");
  const uint32_t crc = writer.finish();

  const ShardReader reader(path_);
  EXPECT_EQ(reader.modality(), dataio::Modality::kPhotograph);
  EXPECT_EQ(reader.plan_digest(), "0123456789abcdef");
  EXPECT_EQ(reader.index_crc(), crc);
  EXPECT_EQ(reader.num_bytes(), 11);
  EXPECT_EQ(reader.index().label, (std::vector<int64_t>{3, 0, 1}));
  EXPECT_EQ(reader.index().id[2], "dir with blanks/ü.nii");
  EXPECT_EQ(reader.index().crc32c[0], crc32c(as_bytes("hello")));
  EXPECT_EQ(as_text(reader.read(0, true)), "hello");
  EXPECT_EQ(as_text(reader.read(1, true)), "");
  EXPECT_EQ(as_text(reader.read(2, true)), "world!");
  EXPECT_EQ(reader.describe(0), "dir/a.nii (shard shard-00000.h5, sample 0)");
}

TEST_F(ShardWriterTest, ShowsNothingUntilItIsFinished) {
  ShardWriter writer(path_, kHeader, 5, files_);
  writer.append(as_bytes("hello"), 0, "a");
  EXPECT_FALSE(files_.exists(path_));
  writer.finish();
  EXPECT_EQ(files_.list_dir(temp_.path()),
            (std::vector<std::string>{"shard-00000.h5"}));
}

TEST_F(ShardWriterTest, LeavesNothingBehindWithoutFinish) {
  {
    ShardWriter writer(path_, kHeader, 5, files_);
    writer.append(as_bytes("hel"), 0, "a");
    EXPECT_TRUE(files_.exists(path_ + ".tmp"));
  }
  EXPECT_TRUE(files_.list_dir(temp_.path()).empty());
}

TEST_F(ShardWriterTest, ChecksTheAnnouncedLength) {
  ShardWriter writer(path_, kHeader, 5, files_);
  expect_error<InternalError>(
      [&] { writer.append(as_bytes("longer"), 0, "a"); },
      {"more bytes than announced"});
  expect_error<InternalError>([&] { writer.finish(); },
                              {"fewer bytes than announced"});
}

TEST_F(ShardWriterTest, WritesTheSameBytesTwice) {
  std::string first;
  for (int round = 0; round < 2; ++round) {
    ShardWriter writer(path_, kHeader, 5, files_);
    writer.append(as_bytes("hello"), 0, "a");
    writer.finish();
    const std::string content = test::read_text(path_);
    EXPECT_TRUE(round == 0 || content == first);
    first = content;
  }
}

TEST_F(ShardWriterTest, ReportsAFailedRenameAndCleansUp) {
  test::FaultyFiles faulty({.fail_operation = 0, .errno_value = EIO});
  {
    ShardWriter writer(path_, kHeader, 5, faulty);
    writer.append(as_bytes("hello"), 0, "a");
    expect_error<IoError>([&] { writer.finish(); },
                          {path_, "Input/output error"});
  }
  EXPECT_TRUE(files_.list_dir(temp_.path()).empty());
}

TEST_F(ShardWriterTest, NamesAFolderThatIsMissing) {
  expect_error<IoError>(
      [&] { ShardWriter(temp_.file("no/s.h5"), kHeader, 5, files_); },
      {"no/s.h5.tmp", "No such file"});
}

}  // namespace
}  // namespace voxlift::sharding
