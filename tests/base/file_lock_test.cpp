#include "base/file_lock.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/error.h"
#include "base/worker.h"
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

TEST(FileLockTest, SharesWithReadersOnly) {
  const test::TempDir temp;
  const RealClock clock;
  const std::string path = temp.file("lock");
  const auto try_lock = [&](LockMode mode) {
    return FileLock::try_for(path, mode, 0.0, clock);
  };
  auto first = try_lock(LockMode::kShared);
  auto second = try_lock(LockMode::kShared);
  EXPECT_TRUE(first.has_value() && second.has_value());
  EXPECT_FALSE(try_lock(LockMode::kExclusive).has_value());
  first.reset();
  EXPECT_FALSE(try_lock(LockMode::kExclusive).has_value());
  second.reset();
  const auto third = try_lock(LockMode::kExclusive);
  EXPECT_TRUE(third.has_value());
  EXPECT_FALSE(try_lock(LockMode::kShared).has_value());
}

TEST(FileLockTest, WaitsForItsTurn) {
  const test::TempDir temp;
  const RealClock clock;
  auto first =
      FileLock::try_for(temp.file("lock"), LockMode::kExclusive, 0.0, clock);
  Worker other("other", [&](const std::stop_token&) { first.reset(); });
  EXPECT_TRUE(
      FileLock::try_for(temp.file("lock"), LockMode::kExclusive, 10.0, clock)
          .has_value());
  other.join();
}

TEST(FileLockTest, KnowsAFileSystemWithLocks) {
  const test::TempDir temp;
  EXPECT_TRUE(has_file_locks(temp.file("lock")));
  test::expect_error<IoError>([&] { has_file_locks(temp.file("no/lock")); },
                              {"no/lock"});
}

TEST(FileLockTest, NamesAFolderThatIsNotThere) {
  const test::TempDir temp;
  const RealClock clock;
  test::expect_error<IoError>(
      [&] { FileLock(temp.file("no/lock"), 0.0, clock); }, {"no/lock"});
}

}  // namespace
}  // namespace voxlift
