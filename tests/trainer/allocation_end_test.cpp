#include "trainer/allocation_end.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace voxlift::trainer {
namespace {

TEST(AllocationEndTest, IsNeverNearWithoutAnEnd) {
  AllocationEnd end;
  end.add_step(1e9);
  EXPECT_FALSE(end.is_near(1e12));
}

TEST(AllocationEndTest, LeavesRoomForTheLongestStepAndCheckpoint) {
  FakeClock clock;
  AllocationEnd end(100.0, 5.0);
  end.add_step(10.0);
  end.add_step(2.0);  // A faster one changes nothing.
  end.add_checkpoint(20.0);
  end.add_checkpoint(1.0);
  clock.advance(55.0);  // 55 + 10 + 1.5 * 20 + 5 = 100.
  EXPECT_FALSE(end.is_near(clock.now_s()));
  clock.advance(0.1);
  EXPECT_TRUE(end.is_near(clock.now_s()));
}

TEST(AllocationEndTest, NoStepThatItAllowsIsLost) {
  FakeClock clock;
  AllocationEnd end(60.0);
  while (!end.is_near(clock.now_s())) {
    clock.advance(7.0);
    end.add_step(7.0);
    end.add_checkpoint(4.0);
  }
  EXPECT_LE(clock.now_s() + 4.0, 60.0);
  EXPECT_GT(clock.now_s() + 7.0 + 1.5 * 4.0, 60.0);
}

TEST(AllocationEndTest, KeepsTheMarginBeforeAnythingIsMeasured) {
  const AllocationEnd end(10.0, 3.0);
  EXPECT_FALSE(end.is_near(6.9));
  EXPECT_TRUE(end.is_near(7.1));
}

}  // namespace
}  // namespace voxlift::trainer
