#include "launcher/plan/control_plane.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"

namespace voxlift::launcher {
namespace {

TEST(ControlPlaneTest, RunsAnEpochWithMoreSlotsThanRanks) {
  const ControlPlaneResult result =
      run_control_plane({.ranks = 16,
                         .slots = 64,
                         .slot_batch = 3,
                         .num_samples = 1000,
                         .values = 37,
                         .checkpoint_every_steps = 2});
  EXPECT_EQ(result.steps, 6);  // Of 192 samples; the last is short.
  EXPECT_EQ(result.samples, 1000);
  EXPECT_EQ(result.checkpoints, 3);
  EXPECT_EQ(result.stop_step, 3);
}

TEST(ControlPlaneTest, RunsWithOneRank) {
  EXPECT_EQ(
      run_control_plane({.ranks = 1, .num_samples = 100, .values = 3}).steps,
      4);
}

TEST(ControlPlaneTest, NamesTheBadOption) {
  test::expect_error<ConfigError>([] { run_control_plane({.ranks = 3}); },
                                  {"dry-run-ranks = 3", "power of two"});
  test::expect_error<ConfigError>(
      [] { run_control_plane({.ranks = 4, .slots = 2}); }, {"slots = 2"});
  test::expect_error<ConfigError>(
      [] { run_control_plane({.ranks = 4, .values = 0}); }, {"values = 0"});
}

}  // namespace
}  // namespace voxlift::launcher
