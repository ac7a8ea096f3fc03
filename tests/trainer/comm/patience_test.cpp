#include "trainer/comm/patience.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/error.h"
#include "tests/support/expect_error.h"

namespace voxlift::trainer {
namespace {

bool never() {
  return false;
}

TEST(PatienceTest, ReturnsWhenDone) {
  Patience patience({.first_deadline_s = 5.0, .deadline_s = 5.0}, "rank 0");
  int asked = 0;
  patience.wait([&] { return ++asked == 3000; }, "sum");
  EXPECT_EQ(asked, 3000);
}

TEST(PatienceTest, EndsAtTheDeadlineAndTellsWhoIsMissing) {
  Patience patience({.first_deadline_s = 0.05, .deadline_s = 99.0},
                    "rank 3 on node7");
  test::expect_error<CommError>(
      [&] {
        patience.wait(never, "sum", [] { return "; rank 4 is not there"; });
      },
      {"sum: rank 3 on node7 has waited 0.05 s; rank 4 is not there"});
}

TEST(PatienceTest, TakesTheSecondDeadlineAfterTheFirstSuccess) {
  Patience patience({.first_deadline_s = 99.0, .deadline_s = 0.05}, "rank 0");
  patience.wait([] { return true; }, "first");
  test::expect_error<CommError>([&] { patience.wait(never, "second"); },
                                {"second: rank 0 has waited 0.05 s"});
}

TEST(PatienceTest, EndsWhereItIsInterrupted) {
  Patience patience({}, "rank 0");
  patience.interrupt();
  test::expect_error<CommError>([&] { patience.wait(never, "sum"); },
                                {"sum: interrupted on rank 0"});
}

TEST(PatienceTest, WaitsForPartsUntilThereIsNoneLeft) {
  Patience patience({.first_deadline_s = 5.0, .deadline_s = 5.0}, "rank 0");
  int asked = 0;
  patience.wait_for_parts(
      [&]() -> std::optional<double> {
        return ++asked == 20 ? std::nullopt : std::optional(0.5);
      },
      "sum");
  EXPECT_EQ(asked, 20);
}

TEST(PatienceTest, TakesTheDeadlineForAPartNotForAll) {
  Patience patience({.first_deadline_s = 0.2, .deadline_s = 99.0}, "rank 0");
  const RealClock clock;
  const double start_s = clock.now_s();
  patience.wait_for_parts(
      [&]() -> std::optional<double> {
        return clock.now_s() - start_s > 0.3 ? std::nullopt
                                             : std::optional(0.01);
      },
      "sum");
  EXPECT_GT(clock.now_s() - start_s, 0.3);
}

TEST(PatienceTest, EndsAtTheDeadlineWhereNoPartComes) {
  Patience patience({.first_deadline_s = 0.05, .deadline_s = 99.0}, "rank 3");
  test::expect_error<CommError>(
      [&] {
        patience.wait_for_parts([] { return std::optional(0.0); }, "sum");
      },
      {"sum: rank 3 has waited 0.05 s"});
}

TEST(PatienceTest, EndsWhereItIsInterruptedBetweenParts) {
  Patience patience({}, "rank 0");
  patience.interrupt();
  test::expect_error<CommError>(
      [&] {
        patience.wait_for_parts([] { return std::optional(0.5); }, "sum");
      },
      {"sum: interrupted on rank 0"});
}

}  // namespace
}  // namespace voxlift::trainer
