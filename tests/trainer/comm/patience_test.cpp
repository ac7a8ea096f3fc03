#include "trainer/comm/patience.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace voxlift::trainer
