#include "trainer/infer/window_plan.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/support/expect_error.h"

namespace voxlift::trainer {
namespace {

using test::expect_error;

TEST(WindowStartsTest, EndWithTheVolume) {
  EXPECT_EQ(window_starts(600, 32, 12).size(), 49U);
  EXPECT_EQ(window_starts(600, 32, 12).back(), 568);
  EXPECT_EQ(window_starts(512, 256, 128), (std::vector<int64_t>{0, 128, 256}));
  EXPECT_EQ(window_starts(10, 4, 4), (std::vector<int64_t>{0, 4, 6}));
  EXPECT_EQ(window_starts(4, 4, 1), (std::vector<int64_t>{0}));
}

TEST(WindowStartsTest, SurroundASmallVolume) {
  EXPECT_EQ(window_starts(9, 32, 12), (std::vector<int64_t>{-12}));
  EXPECT_EQ(window_starts(1, 2, 1), (std::vector<int64_t>{-1}));
}

TEST(AxisWeightsTest, AreTheNormalDistributionOrOne) {
  for (const double weight : axis_weights("count", 7)) {
    EXPECT_EQ(weight, 1.0);
  }
  const auto weights = axis_weights("gaussian", 9);
  EXPECT_EQ(weights[4], 1.0);
  EXPECT_NEAR(weights[5], std::exp(-0.5 * (8.0 / 9.0) * (8.0 / 9.0)), 1e-15);
  for (size_t i = 0; i < weights.size(); ++i) {
    EXPECT_EQ(weights[i], weights[8 - i]);
    EXPECT_GE(weights[i], 1e-3);
  }
}

SlidingWindowConfig config_of(const dataio::Shape3& window,
                              const dataio::Shape3& stride) {
  SlidingWindowConfig config;
  config.window = window;
  config.stride = stride;
  return config;
}

TEST(WindowPlanTest, SharesCoverRowsAndPlanesOnce) {
  for (const int64_t depth : {3, 8, 9, 23, 40}) {
    const WindowPlan plan({depth, 5, 5}, config_of({8, 4, 4}, {3, 2, 2}));
    for (const int size : {1, 2, 3, 4, 7, 20}) {
      int64_t row = 0;
      int64_t plane = 0;
      for (int rank = 0; rank < size; ++rank) {
        const RowShare share = plan.share(rank, size);
        EXPECT_EQ(share.row_begin, row);
        EXPECT_EQ(share.plane_begin, plane);
        EXPECT_EQ(share.row_begin < share.row_end,
                  share.plane_begin < share.plane_end);
        row = share.row_end;
        plane = share.plane_end;
      }
      EXPECT_EQ(row, plan.num_rows());
      EXPECT_EQ(plane, depth);
    }
  }
}

TEST(WindowPlanTest, WeightsAddUpOverTheWindows) {
  const WindowPlan plan({23, 5, 7}, config_of({8, 4, 8}, {3, 2, 8}));
  EXPECT_EQ(plan.num_windows(), 6 * 2);
  EXPECT_EQ(plan.weight_sums(0, "count")[0], 1.0);
  EXPECT_EQ(plan.weight_sums(0, "count")[7], 3.0);
  EXPECT_EQ(plan.weight_sums(1, "count"), (std::vector<double>{1, 2, 2, 2, 1}));
  EXPECT_EQ(plan.weight_sums(2, "count"), std::vector<double>(7, 1.0));
}

TEST(SlidingWindowConfigTest, StrideIsHalfTheWindowUnlessGiven) {
  const SlidingWindowConfig config = config_of({32, 256, 1}, {12, 0, 0});
  EXPECT_EQ(config.resolved_stride(), (dataio::Shape3{12, 128, 1}));
}

TEST(SlidingWindowConfigTest, NamesWhatIsWrong) {
  SlidingWindowConfig config;
  config.window[1] = 0;
  expect_error<ConfigError>([&] { config.validate("eval."); },
                            {"eval.window: height = 0: must be at least 1"});
  config = config_of({32, 256, 256}, {12, 128, 257});
  expect_error<ConfigError>(
      [&] { config.validate(""); },
      {"stride: width = 257: must be 0 to 256, the window"});
  config = {};
  config.weights = "hat";
  expect_error<ConfigError>([&] { config.validate(""); },
                            {"weights = 'hat': must be gaussian or count"});
  for (const char* flips : {"x", "hh"}) {
    config = {};
    config.flips = flips;
    expect_error<ConfigError>([&] { config.validate(""); },
                              {"flips = '", "must be letters of dhw"});
  }
  config = {};
  config.batch = 0;
  expect_error<ConfigError>([&] { config.validate(""); },
                            {"batch = 0: must be at least 1"});
  expect_error<ConfigError>(
      [] {
        WindowPlan({0, 4, 4}, {});
      },
      {"0 x 4 x 4 voxels has no windows"});
}

}  // namespace
}  // namespace voxlift::trainer
