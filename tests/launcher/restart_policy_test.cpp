#include "launcher/launch/restart_policy.h"

#include <gtest/gtest.h>

namespace voxlift::launcher {
namespace {

constexpr bool kStopping = true;
constexpr bool kProgressed = true;

TEST(RestartPolicyTest, EndsWithCodesThatWouldComeAgain) {
  for (const int code : {0, 2, 3, 4, 70, 75, 7, 127}) {
    RestartPolicy policy(3, 1.0);
    const NextStep next = policy.after(code, !kStopping, !kProgressed);
    EXPECT_FALSE(next.restart) << code;
    EXPECT_EQ(next.exit_code, code);
  }
}

TEST(RestartPolicyTest, RestartsAfterALostRank) {
  for (const int code : {1, 5, 205, 128 + 6, 128 + 9, 128 + 11}) {
    RestartPolicy policy(3, 1.0);
    EXPECT_TRUE(policy.after(code, !kStopping, !kProgressed).restart) << code;
  }
}

TEST(RestartPolicyTest, GivesUpWithTheCodeOfALostRank) {
  RestartPolicy policy(2, 1.0);
  EXPECT_TRUE(policy.after(137, !kStopping, !kProgressed).restart);
  EXPECT_TRUE(policy.after(137, !kStopping, !kProgressed).restart);
  const NextStep last = policy.after(137, !kStopping, !kProgressed);
  EXPECT_FALSE(last.restart);
  EXPECT_EQ(last.exit_code, 5);
}

TEST(RestartPolicyTest, CountsAnewAfterProgress) {
  RestartPolicy policy(1, 1.0);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(policy.after(137, !kStopping, kProgressed).restart);
  }
  EXPECT_FALSE(policy.after(137, !kStopping, !kProgressed).restart);
}

TEST(RestartPolicyTest, WaitsLongerEachTime) {
  RestartPolicy policy(9, 1.0);
  double last = 0.0;
  for (const double expected : {1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0}) {
    last = policy.after(5, !kStopping, !kProgressed).wait_s;
    EXPECT_EQ(last, expected);
  }
}

TEST(RestartPolicyTest, NeverRestartsAfterAStop) {
  RestartPolicy policy(3, 1.0);
  EXPECT_FALSE(policy.after(137, kStopping, kProgressed).restart);
  EXPECT_EQ(policy.after(137, kStopping, kProgressed).exit_code, 5);
  EXPECT_EQ(policy.after(75, kStopping, kProgressed).exit_code, 75);
  // Ranks that had no handler yet when USR2 came.
  EXPECT_EQ(policy.after(128 + 12, kStopping, !kProgressed).exit_code, 75);
}

TEST(RestartPolicyTest, DescribesEndsInWords) {
  EXPECT_EQ(describe_end(137), "signal 9 (Killed)");
  EXPECT_EQ(describe_end(205), "a host is lost");
  EXPECT_EQ(describe_end(3), "exit code 3");
}

}  // namespace
}  // namespace voxlift::launcher
