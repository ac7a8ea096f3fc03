#include "launcher/bench/figures.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"

namespace voxlift::launcher {
namespace {

TEST(FiguresTest, InterpolatesQuantiles) {
  EXPECT_DOUBLE_EQ(quantile({3, 1, 2}, 0.5), 2.0);
  EXPECT_DOUBLE_EQ(quantile({1, 2}, 0.5), 1.5);
  EXPECT_DOUBLE_EQ(quantile({0, 10}, 0.9), 9.0);
  EXPECT_DOUBLE_EQ(quantile({7}, 0.1), 7.0);
}

TEST(FiguresTest, RefusesAQuantileOfNothing) {
  test::expect_error<InternalError>([] { (void)quantile({}, 0.5); },
                                    {"quantile"});
}

TEST(FiguresTest, SaysHowManyRoundsAFigureHas) {
  const Json line = figure("a.b", {1, 2, 3}, "img/s");
  EXPECT_EQ(line["name"], "a.b");
  EXPECT_EQ(line["n"], 3);
  EXPECT_EQ(line["median"], 2.0);
  EXPECT_EQ(line["unit"], "img/s");
}

TEST(FiguresTest, ComparesRoundByRound) {
  EXPECT_EQ(ratios({2, 9}, {1, 3}), (std::vector<double>{2, 3}));
  test::expect_error<InternalError>([] { (void)ratios({1}, {}); },
                                    {"unequal numbers of rounds"});
}

}  // namespace
}  // namespace voxlift::launcher
