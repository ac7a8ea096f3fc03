#include "base/file_lock.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift {
namespace {

TEST(FileLockTest, KeepsASecondOneOut) {
  const test::TempDir temp;
  const RealClock clock;
  auto first = std::make_unique<FileLock>(temp.file("lock"), 0.0, clock);
  test::expect_error<ConfigError>(
      [&] { FileLock(temp.file("lock"), 0.1, clock); },
      {temp.file("lock"), "another process"});
  first.reset();
  EXPECT_NO_THROW(FileLock(temp.file("lock"), 0.0, clock));
}

TEST(FileLockTest, NamesAFolderThatIsNotThere) {
  const test::TempDir temp;
  const RealClock clock;
  test::expect_error<IoError>(
      [&] { FileLock(temp.file("no/lock"), 0.0, clock); }, {"no/lock"});
}

}  // namespace
}  // namespace voxlift
