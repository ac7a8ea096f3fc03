#include "launcher/experiment/svg_chart.h"

#include <gtest/gtest.h>

namespace voxlift::launcher {
namespace {

using Ticks = std::vector<double>;

void expect_near(const Ticks& ticks, const Ticks& expected) {
  ASSERT_EQ(ticks.size(), expected.size());
  for (size_t i = 0; i < ticks.size(); ++i) {
    EXPECT_NEAR(ticks[i], expected[i], 1e-9);
  }
}

TEST(SvgChartTest, TicksAreRoundAndSpanTheValues) {
  expect_near(round_ticks(0.0, 1.0, 7), {0.0, 0.2, 0.4, 0.6, 0.8, 1.0});
  expect_near(round_ticks(20.0, 100.0, 7), {20.0, 40.0, 60.0, 80.0, 100.0});
  expect_near(round_ticks(0.513, 0.688, 5), {0.5, 0.55, 0.6, 0.65, 0.7});
  expect_near(round_ticks(-3.0, 4.0, 4), {-5.0, 0.0, 5.0});
}

TEST(SvgChartTest, OneValueGetsRoomAroundIt) {
  const Ticks ticks = round_ticks(2.0, 2.0, 7);
  EXPECT_LT(ticks.front(), 2.0);
  EXPECT_GT(ticks.back(), 2.0);
  EXPECT_GE(round_ticks(0.0, 0.0, 7).size(), 2U);
}

TEST(SvgChartTest, DrawsLinesWithBandsAndALevel) {
  const Chart chart = {.x_label = "epochs",
                       .y_label = "a < b",
                       .series = {{"one", {{1, 0.5, 0.4, 0.6}, {2, 1, 1, 1}}}},
                       .level = 0.8,
                       .level_label = "aim"};
  const std::string svg = draw_svg(chart);
  for (const std::string part :
       {"<polyline", "<polygon", "a &lt; b", ">aim<", ">one<",
        "one: 0.5 (0.4 to 0.6) at 1", "</svg>"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
}

TEST(SvgChartTest, SaysThatNothingIsThere) {
  EXPECT_NE(draw_svg({.x_label = "x",
                      .y_label = "y",
                      .series = {{"one", {}}},
                      .level = {},
                      .level_label = {}})
                .find("no finished run"),
            std::string::npos);
}

TEST(SvgChartTest, MakesTextsSafe) {
  EXPECT_EQ(xml_text("<a b='c'>&\""), "&lt;a b=&#39;c&#39;&gt;&amp;&quot;");
  EXPECT_EQ(fixed_text(2.345, 1), "2.3");
}

}  // namespace
}  // namespace voxlift::launcher
