// An epoch of ImageNet's size with a thousand ranks, as threads.

#include <gtest/gtest.h>

#include "launcher/plan/control_plane.h"

namespace voxlift::launcher {
namespace {

TEST(ThousandRanksTest, AgreeOnEverySampleSumStopAndCheckpoint) {
  const ControlPlaneResult result = run_control_plane({.ranks = 1024});
  EXPECT_EQ(result.steps, 40);
  EXPECT_EQ(result.samples, 1281167);
  EXPECT_EQ(result.checkpoints, 4);
  EXPECT_LT(result.seconds, 60.0);
}

}  // namespace
}  // namespace voxlift::launcher
