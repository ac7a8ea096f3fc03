#include "launcher/launch/command_output.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace voxlift::launcher {
namespace {

TEST(CommandOutputTest, GivesBothOutputsAndTheCode) {
  const auto output =
      run_command({"sh", "-c", "echo out; echo err >&2; exit 3"}, 10.0);
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(output->exit_code, 3);
  EXPECT_EQ(output->text, "out\nerr\n");
}

TEST(CommandOutputTest, TakesMoreThanAPipeHolds) {
  const auto text = answer_of({"head", "-c", "300000", "/dev/zero"}, 10.0);
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(text->size(), 300000U);
}

TEST(CommandOutputTest, HasNoAnswerWhereTheProgramIsMissingOrHasFailed) {
  EXPECT_FALSE(run_command({"/nonexistent/program"}, 10.0).has_value());
  EXPECT_FALSE(answer_of({"false"}, 10.0).has_value());
  EXPECT_EQ(run_command({"sh", "-c", "kill -9 $$"}, 10.0)->exit_code, 137);
}

TEST(CommandOutputTest, KillsWhatTakesTooLongWithItsChildren) {
  const RealClock clock;
  const double began_s = clock.now_s();
  EXPECT_FALSE(run_command({"sh", "-c", "sleep 60; true"}, 0.1).has_value());
  EXPECT_LT(clock.now_s() - began_s, 10.0);
}

}  // namespace
}  // namespace voxlift::launcher
