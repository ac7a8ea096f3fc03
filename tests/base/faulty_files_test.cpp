#include "tests/support/faulty_files.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::test {
namespace {

TEST(FaultyFilesTest, WorksWithoutAFault) {
  const TempDir dir;
  FaultyFiles files{FaultPlan{}};
  files.publish(dir.file("a"), "content");
  EXPECT_EQ(read_text(dir.file("a")), "content");
  EXPECT_EQ(files.num_operations(), 2);
  EXPECT_EQ(files.num_bytes(), 7);
}

TEST(FaultyFilesTest, FailsTheOperationAskedFor) {
  const TempDir dir;
  dir.write("a", "old");
  FaultyFiles files({.fail_operation = 1, .errno_value = EIO});
  expect_error<IoError>([&] { files.publish(dir.file("a"), "new"); },
                        {"cannot rename", "Input/output error"});
  EXPECT_EQ(read_text(dir.file("a")), "old");
  files.publish(dir.file("a"), "new");
  EXPECT_EQ(read_text(dir.file("a")), "new");
}

TEST(FaultyFilesTest, LeavesTheBytesBeforeTheCut) {
  const TempDir dir;
  FaultyFiles files({.cut_at_byte = 3});
  expect_error<IoError>([&] { files.publish(dir.file("a"), "content"); },
                        {"a.tmp", "No space left"});
  EXPECT_EQ(read_text(dir.file("a.tmp")), "con");
  EXPECT_FALSE(files.exists(dir.file("a")));
}

TEST(FaultyFilesTest, StaysDownAfterTheFault) {
  const TempDir dir;
  FaultyFiles files({.fail_operation = 0, .stay_down = true});
  EXPECT_THROW(files.make_dirs(dir.file("a")), IoError);
  EXPECT_THROW(files.make_dirs(dir.file("b")), IoError);
  EXPECT_TRUE(files.faulted());
}

// The promise of publish(): whatever fails, old or new content, never a mix.
TEST(FaultyFilesTest, PublishIsAtomicAtEveryCut) {
  for (int64_t cut = 0; cut < 11; ++cut) {
    const TempDir dir;
    dir.write("a", "old content");
    FaultyFiles files({.cut_at_byte = cut, .stay_down = true});
    EXPECT_THROW(files.publish(dir.file("a"), "new content"), IoError);
    EXPECT_EQ(read_text(dir.file("a")), "old content");
  }
}

}  // namespace
}  // namespace voxlift::test
