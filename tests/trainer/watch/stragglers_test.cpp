#include "trainer/watch/stragglers.h"

#include <gtest/gtest.h>

namespace voxlift::trainer {
namespace {

// Ranks that need so many seconds a step, and so many of them for data.
class Pace {
 public:
  explicit Pace(int num_ranks)
      : stragglers_(num_ranks,
                    {.straggler_factor = 1.5, .straggler_steps = 20}),
        totals_(static_cast<size_t>(num_ranks)) {}

  std::vector<SlowRank> steps(int count, const std::vector<double>& own_s,
                              const std::vector<double>& data_s = {}) {
    std::vector<SlowRank> named;
    for (int i = 0; i < count; ++i) {
      ++step_;
      for (size_t r = 0; r < totals_.size(); ++r) {
        totals_[r].step = step_;
        totals_[r].steps_done = step_;
        totals_[r].own_s += own_s[r];
        totals_[r].data_s += data_s.empty() ? 0.0 : data_s[r];
        stragglers_.heard(static_cast<int>(r), totals_[r]);
      }
      for (const SlowRank& slow : stragglers_.newly_slow()) {
        named.push_back(slow);
      }
    }
    return named;
  }

  const std::vector<SlowRank>& worst() const { return stragglers_.worst(); }

 private:
  Stragglers stragglers_;
  std::vector<Standing> totals_;
  int64_t step_ = 0;
};

TEST(StragglersTest, NamesOneOfTwoRanksOnceAnEpisode) {
  Pace pace(2);
  EXPECT_TRUE(pace.steps(60, {0.1, 0.12}).empty());
  const auto named = pace.steps(60, {0.1, 0.3});
  ASSERT_EQ(named.size(), 1U);
  EXPECT_EQ(named[0].rank, 1);
  EXPECT_NEAR(named[0].median_s, 0.1, 1e-9);
  EXPECT_FALSE(named[0].loses_in_data());
  EXPECT_TRUE(pace.steps(60, {0.1, 0.1}).empty());
  EXPECT_EQ(pace.steps(60, {0.1, 0.3}).size(), 1U);
  ASSERT_EQ(pace.worst().size(), 1U);
  EXPECT_NEAR(pace.worst()[0].factor(), 3.0, 1e-6);
}

TEST(StragglersTest, SaysThatTheTimeIsLostWaitingForData) {
  Pace pace(4);
  const auto named =
      pace.steps(40, {0.1, 0.1, 0.4, 0.1}, {0.01, 0.01, 0.3, 0.01});
  ASSERT_EQ(named.size(), 1U);
  EXPECT_EQ(named[0].rank, 2);
  EXPECT_TRUE(named[0].loses_in_data());
}

TEST(StragglersTest, WaitsForEnoughStepsAndLeavesOutTheFirst) {
  Pace pace(2);
  EXPECT_TRUE(pace.steps(1, {1.0, 30.0}).empty());  // Warms up.
  EXPECT_TRUE(pace.steps(19, {0.1, 0.3}).empty());
  EXPECT_EQ(pace.steps(1, {0.1, 0.3}).size(), 1U);
}

TEST(StragglersTest, PassesOverMilliseconds) {
  Pace pace(2);
  EXPECT_TRUE(pace.steps(60, {0.001, 0.004}).empty());
}

TEST(StragglersTest, OneSlowStepIsNoEpisode) {
  Pace pace(2);
  pace.steps(30, {0.1, 0.1});
  EXPECT_TRUE(pace.steps(1, {0.1, 0.9}).empty());
}

}  // namespace
}  // namespace voxlift::trainer
