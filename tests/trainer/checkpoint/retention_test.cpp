#include "trainer/checkpoint/retention.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/expect_error.h"

namespace voxlift::trainer {
namespace {

using Steps = std::vector<int64_t>;

TEST(RetentionTest, RemovesWhatIsOlderThanTheNewest) {
  EXPECT_EQ(steps_to_remove({9, 6, 4, 2}, 9, 2, {}), (Steps{4, 2}));
  EXPECT_EQ(steps_to_remove({9, 6}, 9, 2, {}), Steps{});
}

TEST(RetentionTest, NeitherCountsNorRemovesLaterOnes) {
  EXPECT_EQ(steps_to_remove({9, 6, 4, 2}, 4, 1, {}), Steps{2});
}

TEST(RetentionTest, NeverRemovesTheBest) {
  EXPECT_EQ(steps_to_remove({9, 6, 4, 2}, 9, 1, {4}), (Steps{6, 2}));
}

TEST(RetentionTest, KnowsByTheNameWhetherLargerIsBetter) {
  EXPECT_TRUE(larger_is_better({.metric = "top1"}));
  EXPECT_FALSE(larger_is_better({.metric = "loss"}));
  EXPECT_FALSE(larger_is_better({.metric = "mean_error"}));
  EXPECT_FALSE(larger_is_better({.metric = "top1", .metric_mode = "min"}));
  EXPECT_TRUE(larger_is_better({.metric = "loss", .metric_mode = "max"}));
}

TEST(RetentionTest, KeepsTheBestScoresInOrder) {
  const CheckpointConfig config{.keep_best = 2};
  std::vector<BestScore> best;
  for (const BestScore score :
       {BestScore{1, 0.5}, {2, 0.7}, {3, 0.6}, {4, 0.7}, {5, 0.1}}) {
    add_score(score, config, &best);
  }
  EXPECT_EQ(best, (std::vector<BestScore>{{2, 0.7}, {4, 0.7}}));
  add_score({4, 0.9}, config, &best);
  EXPECT_EQ(best, (std::vector<BestScore>{{4, 0.9}, {2, 0.7}}));
  add_score({6, std::numeric_limits<double>::quiet_NaN()}, config, &best);
  EXPECT_EQ(best.size(), 2U);
}

TEST(RetentionTest, SmallLossesAreTheBest) {
  const CheckpointConfig config{.keep_best = 1, .metric = "loss"};
  std::vector<BestScore> best;
  add_score({1, 0.5}, config, &best);
  add_score({2, 0.7}, config, &best);
  EXPECT_EQ(best, (std::vector<BestScore>{{1, 0.5}}));
}

TEST(RetentionTest, ScoresSurviveJson) {
  const std::vector<BestScore> best = {{7, 0.25}, {3, 1.0 / 3.0}};
  EXPECT_EQ(best_from_json(to_json(best), "s"), best);
  test::expect_error<DataError>(
      [] {
        best_from_json(Json::array({Json{{"step", 1}}}), "s");
      },
      {"s", "value"});
}

TEST(RetentionTest, NamesTheMetricsThatThereAre) {
  const Json scores = {{"loss", 1.5}, {"top1", 0.5}, {"confusion", {1, 2}}};
  EXPECT_EQ(metric_of(scores, {.metric = "loss"}), 1.5);
  test::expect_error<ConfigError>(
      [&] { metric_of(scores, {.metric = "dice"}); },
      {"checkpoint.metric = 'dice'", "loss, top1"});
}

void expect_refused(const CheckpointConfig& config, const std::string& part) {
  test::expect_error<ConfigError>([&] { config.validate("checkpoint."); },
                                  {"checkpoint." + part});
}

TEST(CheckpointConfigTest, NamesTheValueThatCannotBe) {
  CheckpointConfig().validate("checkpoint.");
  expect_refused({.every_steps = -1}, "every_steps = -1: must be at least 0");
  expect_refused({.every_minutes = -1}, "every_minutes = -1");
  expect_refused({.keep = 0}, "keep = 0: must be at least 1");
  expect_refused({.keep_best = -1}, "keep_best = -1: must be at least 0");
  expect_refused({.metric_mode = "up"}, "metric_mode = 'up': must be 'auto'");
  expect_refused({.max_failures = 0}, "max_failures = 0: must be at least 1");
  expect_refused({.align_kb = 0}, "align_kb = 0: must be at least 1");
  expect_refused({.align_kb = 1 << 30},
                 "align_kb = 1073741824: must be at most");
}

}  // namespace
}  // namespace voxlift::trainer
