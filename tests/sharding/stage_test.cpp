#include "sharding/stage.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "base/worker.h"
#include "sharding/dataset.h"
#include "sharding/stage_folder.h"
#include "tests/sharding/packed_world.h"
#include "tests/support/child_process.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::sharding {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::PackedWorld;

constexpr int64_t kRoom = 10'000'000;

int64_t total_bytes(const DatasetIndex& index) {
  int64_t sum = 0;
  for (const ShardEntry& entry : index.shards) {
    sum += entry.file_bytes;
  }
  return sum;
}

class StageTest : public testing::Test {
 protected:
  StageTest() : index_(world_.pack()) {}

  StageConfig config(int64_t max_bytes = kRoom) const {
    return {.dir = dir(), .max_bytes = max_bytes, .wait_s = 10.0};
  }

  std::string dir() const { return temp_.file("stage"); }

  // Where the shards of a data set lie in the stage.
  std::string folder(const DatasetIndex& index) const {
    return join_path(dir(), stage_id(index_to_json(index).dump()));
  }

  std::string staged(size_t k) const {
    return join_path(folder(index_), index_.shards[k].file);
  }

  std::unique_ptr<Stage> open(int64_t max_bytes = kRoom) const {
    return open(world_, index_, max_bytes);
  }

  std::unique_ptr<Stage> open(const PackedWorld& world,
                              const DatasetIndex& index,
                              int64_t max_bytes) const {
    return std::make_unique<Stage>(world.dir(), index, config(max_bytes),
                                   clock_);
  }

  int64_t bytes_in_stage() const {
    int64_t sum = 0;
    for (const auto& entry : fs::recursive_directory_iterator(dir())) {
      sum +=
          entry.is_regular_file() ? static_cast<int64_t>(entry.file_size()) : 0;
    }
    return sum;
  }

  test::TempDir temp_;
  PackedWorld world_{20, 4};
  DatasetIndex index_;
  RealClock clock_;
};

TEST_F(StageTest, CopiesOnceAndThenUsesTheCopies) {
  const auto num_shards = static_cast<int64_t>(index_.shards.size());
  ASSERT_GT(num_shards, 2);
  const auto first = open();
  EXPECT_EQ(first->summary().copied_shards, num_shards);
  EXPECT_EQ(first->summary().copied_bytes, total_bytes(index_));
  for (size_t k = 0; k < index_.shards.size(); ++k) {
    EXPECT_EQ(first->dir_of(k), folder(index_));
    EXPECT_EQ(test::read_text(staged(k)),
              test::read_text(world_.file(index_.shards[k].file)));
  }
  const auto second = open();
  EXPECT_EQ(second->summary().copied_shards, 0);
  EXPECT_EQ(second->summary().staged_shards, num_shards);
  EXPECT_EQ(second->summary().staged_bytes, total_bytes(index_));
}

TEST_F(StageTest, GivesADatasetTheSameSamples) {
  const Dataset origin(world_.dir(), {});
  open();
  // What only the copies can give: the origin has lost its shards.
  for (const ShardEntry& entry : index_.shards) {
    world_.files.remove_all(world_.file(entry.file));
  }
  DatasetConfig with_stage;
  with_stage.stage = config();
  const Dataset dataset(world_.dir(), with_stage);
  EXPECT_EQ(dataset.fingerprint(), origin.fingerprint());
  for (int64_t id = 0; id < dataset.num_samples(); ++id) {
    EXPECT_EQ(as_text(dataset.read(id)),
              PackedWorld::content_of(dataset.source_id(id)));
  }
}

TEST_F(StageTest, CopiesOnceForManyRanks) {
  std::atomic<int64_t> copied = 0;
  std::atomic<int64_t> staged_shards = 0;
  std::vector<std::unique_ptr<Worker>> ranks;
  for (int rank = 0; rank < 4; ++rank) {
    ranks.push_back(
        std::make_unique<Worker>("rank", [&](const std::stop_token&) {
          const auto stage = open();
          copied += stage->summary().copied_shards;
          staged_shards += stage->summary().staged_shards;
        }));
  }
  for (const auto& rank : ranks) {
    rank->join();
  }
  const auto num_shards = static_cast<int64_t>(index_.shards.size());
  EXPECT_EQ(copied, num_shards);
  EXPECT_EQ(staged_shards, 4 * num_shards);
}

TEST_F(StageTest, WaitsForTheProcessThatCopies) {
  open();
  world_.files.rename_durable(staged(0), temp_.file("kept"));
  world_.files.remove_all(staged(1));
  auto lock =
      FileLock::try_for(staged(0) + ".lock", LockMode::kExclusive, 0.0, clock_);
  ASSERT_TRUE(lock.has_value());
  std::atomic<bool> opened = false;
  Worker rank("rank", [&](const std::stop_token&) {
    const auto stage = open();
    VOXLIFT_CHECK(stage->summary().copied_shards == 1, "not waited");
    VOXLIFT_CHECK(stage->dir_of(0) == folder(index_), "not staged");
    opened = true;
  });
  // It has passed shard 0 by when it is done with shard 1.
  EXPECT_TRUE(
      test::eventually([&] { return world_.files.exists(staged(1)); }, 10.0));
  EXPECT_FALSE(opened);
  world_.files.rename_durable(temp_.file("kept"), staged(0));
  lock.reset();
  rank.join();
  EXPECT_TRUE(opened);
}

TEST_F(StageTest, ReadsTheOriginWhereAnotherProcessHangs) {
  open();
  world_.files.remove_all(staged(0));
  const auto lock =
      FileLock::try_for(staged(0) + ".lock", LockMode::kExclusive, 0.0, clock_);
  StageConfig impatient = config();
  impatient.wait_s = 0.05;
  testing::internal::CaptureStderr();
  const Stage stage(world_.dir(), index_, impatient, clock_);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("not waiting"),
            std::string::npos);
  EXPECT_EQ(stage.dir_of(0), world_.dir());
  EXPECT_EQ(stage.dir_of(1), folder(index_));
}

TEST_F(StageTest, KeepsWithinItsBound) {
  const int64_t bound = total_bytes(index_) - 1;
  testing::internal::CaptureStderr();
  const auto stage = open(bound);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("does not fit"), std::string::npos) << log;
  const auto num_shards = static_cast<int64_t>(index_.shards.size());
  EXPECT_EQ(stage->summary().copied_shards, num_shards - 1);
  EXPECT_LE(bytes_in_stage(), bound);
  EXPECT_EQ(stage->dir_of(0), folder(index_));
  EXPECT_EQ(stage->dir_of(index_.shards.size() - 1), world_.dir());
}

TEST_F(StageTest, CountsEverythingInItsFolder) {
  temp_.write("stage/other/file", std::string(1000, 'x'));
  const auto stage = open(index_.shards[0].file_bytes + 999);
  EXPECT_EQ(stage->summary().copied_shards, 0);
  EXPECT_TRUE(world_.files.exists(temp_.file("stage/other/file")));
}

TEST_F(StageTest, RemovesOtherDataSetsOnlyWhenNobodyUsesThem) {
  PackedWorld second_world(30, 2);
  const DatasetIndex second = second_world.pack();
  const int64_t bound = std::max(total_bytes(index_), total_bytes(second));
  auto first_stage = open(bound);
  EXPECT_EQ(open(second_world, second, bound)->summary().staged_shards,
            (bound - total_bytes(index_)) / second.shards[0].file_bytes);
  EXPECT_EQ(open(bound)->summary().copied_shards, 0) << "was removed";
  first_stage.reset();
  EXPECT_EQ(open(second_world, second, bound)->summary().staged_shards,
            static_cast<int64_t>(second.shards.size()));
  EXPECT_FALSE(world_.files.exists(folder(index_)));
}

TEST_F(StageTest, RemovesTheLongestUnusedFirst) {
  PackedWorld second_world(30, 2);
  PackedWorld third_world(10, 1);
  const DatasetIndex second = second_world.pack();
  const DatasetIndex third = third_world.pack();
  open();
  open(second_world, second, kRoom);
  const auto now = fs::file_time_type::clock::now();
  fs::last_write_time(join_path(folder(second), "in_use"),
                      now - std::chrono::hours(2));
  fs::last_write_time(join_path(folder(index_), "in_use"),
                      now - std::chrono::hours(1));
  const int64_t bound =
      total_bytes(index_) + total_bytes(second) + total_bytes(third) - 1;
  EXPECT_EQ(open(third_world, third, bound)->summary().staged_shards,
            static_cast<int64_t>(third.shards.size()));
  EXPECT_FALSE(world_.files.exists(folder(second)));
  EXPECT_TRUE(world_.files.exists(folder(index_)));
}

TEST_F(StageTest, KeepsUnusedDataSetsThatGiveTooLittle) {
  open();
  PackedWorld second_world(30, 2);
  const DatasetIndex second = second_world.pack();
  temp_.write("stage/other", std::string(50'000, 'x'));
  open(second_world, second, 50'000);
  EXPECT_TRUE(world_.files.exists(staged(0)));
}

TEST_F(StageTest, NamesAShardOfAnotherChecksum) {
  const std::string path = world_.file(index_.shards[1].file);
  std::string content = test::read_text(path);
  content.back() = static_cast<char>(content.back() ^ 1);
  temp_.write("damaged", content);
  world_.files.rename_durable(temp_.file("damaged"), path);
  expect_error<DataError>([&] { open(); }, {path, "checksum of the file is 0x",
                                            "index.json says 0x"});
  EXPECT_FALSE(world_.files.exists(staged(1)));
  EXPECT_FALSE(world_.files.exists(staged(1) + ".tmp"));
}

TEST_F(StageTest, NamesAShardOfAnotherLength) {
  const std::string path = world_.file(index_.shards[0].file);
  const int64_t bytes = index_.shards[0].file_bytes;
  fs::resize_file(path, static_cast<uint64_t>(bytes) - 1);
  expect_error<DataError>([&] { open(); },
                          {path, "length of the file", std::to_string(bytes),
                           std::to_string(bytes - 1)});
}

TEST_F(StageTest, LeavesAMissingShardToWhoOpensIt) {
  world_.files.remove_all(world_.file(index_.shards[0].file));
  DatasetConfig with_stage;
  with_stage.stage = config();
  expect_error<DataError>([&] { Dataset(world_.dir(), with_stage); },
                          {index_.shards[0].file, "does not exist"});
}

TEST_F(StageTest, LeavesShardsWithoutChecksumWhereTheyAre) {
  index_.shards[0].file_bytes = -1;
  index_.shards[0].file_crc32c = -1;
  testing::internal::CaptureStderr();
  const auto stage = open();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("have no file_crc32c"), std::string::npos) << log;
  EXPECT_EQ(stage->dir_of(0), world_.dir());
  EXPECT_EQ(stage->dir_of(1), folder(index_));
}

TEST_F(StageTest, RemovesWhatAKilledProcessHasLeft) {
  PackedWorld other;
  const DatasetIndex other_index = other.pack();
  const std::string tmp = join_path(folder(other_index), "shard-00000.h5.tmp");
  const std::string busy = join_path(folder(other_index), "shard-00001.h5");
  world_.files.make_dirs(folder(other_index));
  world_.files.publish(tmp, "half");
  world_.files.publish(busy + ".tmp", "half");
  const auto lock =
      FileLock::try_for(busy + ".lock", LockMode::kExclusive, 0.0, clock_);
  open();
  EXPECT_FALSE(world_.files.exists(tmp));
  EXPECT_TRUE(world_.files.exists(busy + ".tmp"));
}

// The child does what Stage does, up to the middle of a shard.
TEST_F(StageTest, TakesOverAfterAKillInTheMiddleOfACopy) {
  const std::string tmp = staged(0) + ".tmp";
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const StageFolder stage(dir(), kRoom, clock_);
    RealFiles().make_dirs(dir());
    const FileLock held = stage.hold(base_name(folder(index_)));
    const auto lock = FileLock::try_for(staged(0) + ".lock",
                                        LockMode::kExclusive, 0.0, clock_);
    const auto file = stage.reserve(tmp, index_.shards[0].file_bytes);
    file.value().write(as_bytes("half of a shard"));
    while (true) {
      ::pause();
    }
  }
  EXPECT_TRUE(test::eventually(
      [&] { return world_.files.exists(tmp) && bytes_in_stage() > 0; }, 10.0));
  EXPECT_FALSE(FileLock::try_for(join_path(folder(index_), "in_use"),
                                 LockMode::kExclusive, 0.0, clock_)
                   .has_value());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const auto stage = open();
  EXPECT_EQ(stage->summary().copied_shards,
            static_cast<int64_t>(index_.shards.size()));
  EXPECT_FALSE(world_.files.exists(tmp));
}

TEST_F(StageTest, TakesOverAfterAKillAtAnyInstant) {
  for (int kill = 0; kill < 8; ++kill) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      open();
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(kill) * 1000);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto stage = open();
    EXPECT_EQ(stage->summary().staged_shards,
              static_cast<int64_t>(index_.shards.size()));
    for (size_t k = 0; k < index_.shards.size(); ++k) {
      EXPECT_EQ(test::read_text(staged(k)),
                test::read_text(world_.file(index_.shards[k].file)));
      EXPECT_FALSE(world_.files.exists(staged(k) + ".tmp"));
    }
    world_.files.remove_all(dir());
  }
}

// The first shard fits, the last does not.
TEST_F(StageTest, ReadsTheOriginWhenTheDiskIsFull) {
  world_.files.make_dirs(dir());
  const int64_t bytes = index_.shards[0].file_bytes;
  const std::string size = str_cat("size=", 3 * bytes);
  if (::mount("none", dir().c_str(), "tmpfs", 0, size.c_str()) != 0) {
    GTEST_SKIP() << "mounting a small tmpfs needs root";
  }
  testing::internal::CaptureStderr();
  auto stage = open();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("No space left on device"), std::string::npos) << log;
  EXPECT_EQ(log.find("W2"), log.rfind("W2")) << log;
  EXPECT_GE(stage->summary().staged_shards, 1);
  const size_t last = index_.shards.size() - 1;
  EXPECT_EQ(stage->dir_of(0), folder(index_));
  EXPECT_EQ(stage->dir_of(last), world_.dir());
  EXPECT_FALSE(world_.files.exists(staged(last) + ".tmp"));
  stage.reset();
  ::umount2(dir().c_str(), MNT_DETACH);
}

TEST_F(StageTest, NamesAFolderThatCannotBeMade) {
  temp_.write("stage", "a file");
  expect_error<IoError>([&] { open(); }, {"cannot make the folder", dir()});
}

}  // namespace
}  // namespace voxlift::sharding
