#include "sharding/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "tests/support/expect_error.h"

namespace voxlift::sharding {
namespace {

using test::expect_error;

AssignmentConfig config_of(int64_t num_samples, int64_t slots,
                           int64_t slot_batch) {
  return {.num_samples = num_samples,
          .slots = slots,
          .slot_batch = slot_batch,
          .seed = 7,
          .shuffle = true};
}

// All samples of one epoch as `world_size` ranks see them: step by step, rank
// by rank, slot by slot.
std::vector<int64_t> walk(const AssignmentConfig& config, int64_t epoch,
                          int64_t world_size) {
  std::vector<int64_t> seen;
  const int64_t num_steps = EpochAssignment(config, epoch).num_steps();
  for (int64_t step = 0; step < num_steps; ++step) {
    for (int64_t rank = 0; rank < world_size; ++rank) {
      const EpochAssignment assignment(config, epoch);  // Each rank its own.
      const auto [begin, end] = slots_of_rank(config.slots, rank, world_size);
      for (int64_t slot = begin; slot < end; ++slot) {
        const auto ids = assignment.slot_samples(step, slot);
        seen.insert(seen.end(), ids.begin(), ids.end());
      }
    }
  }
  return seen;
}

std::vector<int64_t> all_ids(int64_t num_samples) {
  std::vector<int64_t> ids(static_cast<size_t>(num_samples));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

TEST(EpochAssignmentTest, GivesEverySampleOncePerEpoch) {
  for (const int64_t num_samples : {1, 2, 7, 8, 9, 31, 64, 101}) {
    for (const int64_t slots : {1, 2, 4, 8}) {
      for (const int64_t slot_batch : {1, 3, 4}) {
        auto seen = walk(config_of(num_samples, slots, slot_batch), 1, 1);
        std::sort(seen.begin(), seen.end());
        EXPECT_EQ(seen, all_ids(num_samples))
            << num_samples << " samples, " << slots << " slots of "
            << slot_batch;
      }
    }
  }
}

TEST(EpochAssignmentTest, IsTheSameForEveryWorldSizeThatDividesTheSlots) {
  for (const int64_t num_samples : {5, 37, 100}) {
    const auto config = config_of(num_samples, 8, 2);
    const auto alone = walk(config, 3, 1);
    for (const int64_t world_size : {2, 4, 8}) {
      EXPECT_EQ(walk(config, 3, world_size), alone) << world_size << " ranks";
    }
  }
}

TEST(EpochAssignmentTest, AddsUpItsStepsAndSlots) {
  for (const int64_t num_samples : {1, 15, 16, 17, 95}) {
    const EpochAssignment assignment(config_of(num_samples, 4, 4), 0);
    int64_t total = 0;
    for (int64_t step = 0; step < assignment.num_steps(); ++step) {
      int64_t over_slots = 0;
      for (int64_t slot = 0; slot < 4; ++slot) {
        over_slots +=
            static_cast<int64_t>(assignment.slot_samples(step, slot).size());
      }
      EXPECT_EQ(over_slots, assignment.step_size(step));
      total += assignment.step_size(step);
    }
    EXPECT_EQ(total, num_samples);
    EXPECT_EQ(assignment.num_steps(), (num_samples + 15) / 16);
  }
}

TEST(EpochAssignmentTest, SharesTheLastStepOutEvenly) {
  const EpochAssignment assignment(config_of(16 + 6, 4, 4), 0);
  EXPECT_EQ(assignment.step_size(1), 6);
  std::vector<size_t> sizes;
  for (int64_t slot = 0; slot < 4; ++slot) {
    sizes.push_back(assignment.slot_samples(1, slot).size());
  }
  EXPECT_EQ(sizes, (std::vector<size_t>{2, 2, 1, 1}));
}

TEST(EpochAssignmentTest, LeavesSlotsEmptyWhereTooFewAreLeft) {
  const EpochAssignment assignment(config_of(2, 4, 4), 0);
  EXPECT_EQ(assignment.num_steps(), 1);
  EXPECT_EQ(assignment.slot_samples(0, 1).size(), 1);
  EXPECT_TRUE(assignment.slot_samples(0, 2).empty());
  EXPECT_TRUE(assignment.slot_samples(0, 3).empty());
}

TEST(EpochAssignmentTest, DependsOnSeedAndEpochOnly) {
  auto config = config_of(50, 2, 5);
  const auto first = walk(config, 0, 1);
  EXPECT_EQ(walk(config, 0, 1), first);
  EXPECT_NE(walk(config, 1, 1), first);
  config.seed = 8;
  EXPECT_NE(walk(config, 0, 1), first);
}

TEST(EpochAssignmentTest, KeepsTheOrderWithoutShuffle) {
  auto config = config_of(21, 4, 2);
  config.shuffle = false;
  EXPECT_EQ(walk(config, 5, 2), all_ids(21));
}

// Pinned: a change here changes every run that is resumed.
TEST(EpochAssignmentTest, KeepsTheOrderOfOldRuns) {
  EXPECT_EQ(walk(config_of(8, 1, 8), 0, 1),
            (std::vector<int64_t>{4, 0, 2, 5, 7, 3, 1, 6}));
}

TEST(EpochAssignmentTest, CoversALargeSetQuickly) {
  const EpochAssignment assignment(config_of(1'281'167, 8, 32), 0);
  EXPECT_EQ(assignment.num_steps(), 5005);
  EXPECT_EQ(assignment.step_size(5004), 1'281'167 - 5004 * 256);
}

TEST(AssignmentConfigTest, RejectsValuesOutOfRange) {
  expect_error<ConfigError>([] { config_of(0, 1, 1).validate("data"); },
                            {"data.num_samples is 0"});
  expect_error<ConfigError>([] { config_of(1, 3, 1).validate("data"); },
                            {"data.slots is 3", "power of two"});
  expect_error<ConfigError>([] { config_of(1, 0, 1).validate("data"); },
                            {"data.slots is 0"});
  expect_error<ConfigError>([] { config_of(1, 2, 0).validate("data"); },
                            {"data.slot_batch is 0", "2 slots"});
  expect_error<ConfigError>(
      [] { config_of(1, 2, INT64_MAX / 2).validate("data"); },
      {"data.slot_batch is 4611686018427387903"});
}

TEST(EpochAssignmentTest, ChecksStepAndSlot) {
  const EpochAssignment assignment(config_of(10, 2, 2), 0);
  expect_error<InternalError>(
      [&] { static_cast<void>(assignment.step_size(3)); }, {"step 3 of 3"});
  expect_error<InternalError>(
      [&] { static_cast<void>(assignment.slot_samples(0, 2)); },
      {"slot 2 of 2"});
}

TEST(SlotsOfRankTest, CutsContiguousRanges) {
  for (const int64_t world_size : {1, 2, 4, 8}) {
    int64_t next = 0;
    for (int64_t rank = 0; rank < world_size; ++rank) {
      const SlotRange range = slots_of_rank(8, rank, world_size);
      EXPECT_EQ(range.begin, next);
      EXPECT_EQ(range.end - range.begin, 8 / world_size);
      next = range.end;
    }
    EXPECT_EQ(next, 8);
  }
}

TEST(SlotsOfRankTest, RejectsAWorldSizeThatDoesNotDivideTheSlots) {
  for (const int64_t world_size : {3, 5, 6, 7}) {
    expect_error<ConfigError>(
        [&] { static_cast<void>(slots_of_rank(8, 0, world_size)); },
        {"8 slots", std::to_string(world_size) + " ranks", "must divide"});
  }
  expect_error<ConfigError>([] { static_cast<void>(slots_of_rank(4, 0, 8)); },
                            {"4 slots", "8 ranks"});
}

TEST(EpochAssignmentTest, SharesOutASubsetOnceAnEpoch) {
  AssignmentConfig config = config_of(5, 2, 2);
  config.subset = std::make_shared<const std::vector<int64_t>>(
      std::vector<int64_t>{3, 10, 11, 40, 90});
  for (const int64_t epoch : {0, 1}) {
    std::vector<int64_t> seen = walk(config, epoch, 2);
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, *config.subset);
  }
}

TEST(EpochAssignmentTest, RejectsASubsetOfAnotherSize) {
  AssignmentConfig config = config_of(6, 2, 2);
  config.subset =
      std::make_shared<const std::vector<int64_t>>(std::vector<int64_t>{3, 10});
  expect_error<InternalError>([&] { const EpochAssignment order(config, 0); },
                              {"2 samples in the subset, 6 expected"});
}

}  // namespace
}  // namespace voxlift::sharding
