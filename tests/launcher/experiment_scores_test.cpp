#include "launcher/experiment/experiment_scores.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/launcher/made_experiment.h"
#include "tests/support/expect_error.h"

namespace voxlift::launcher {
namespace {

using test::expect_error;
using test::made_plan;
using test::write_run;

ExperimentScores read(const test::TempDir& temp, const ExperimentPlan& plan) {
  return read_scores(plan, temp.file("exp"), RealFiles());
}

TEST(ScoreSummaryTest, SummarizesRuns) {
  const std::vector<double> scores = {1.0, 2.0, 6.0};
  const ScoreSummary summary = summarize_scores(scores);
  EXPECT_EQ(summary.n, 3);
  EXPECT_DOUBLE_EQ(summary.mean, 3.0);
  EXPECT_DOUBLE_EQ(summary.deviation, std::sqrt(7.0));
  EXPECT_EQ(summary.low, 1.0);
  EXPECT_EQ(summary.high, 6.0);
  EXPECT_EQ(summarize_scores(std::vector<double>{2.0}).deviation, 0.0);
}

std::vector<SummaryPoint> line(const std::vector<double>& means) {
  std::vector<SummaryPoint> points;
  for (size_t i = 0; i < means.size(); ++i) {
    points.push_back({.x = 0.25 * static_cast<double>(i + 1),
                      .y = {.n = 1, .mean = means[i]}});
  }
  return points;
}

TEST(ScoreSummaryTest, FindsWhereALevelIsFirstReached) {
  const auto points = line({0.5, 0.7, 0.6, 0.9});
  EXPECT_DOUBLE_EQ(*first_reaching(points, 0.65, true), 0.4375);
  EXPECT_DOUBLE_EQ(*first_reaching(points, 0.7, true), 0.5);
  EXPECT_DOUBLE_EQ(*first_reaching(points, 0.8, true), 0.75 + 0.25 * 2.0 / 3.0);
}

TEST(ScoreSummaryTest, KnowsTheFirstPointAndNever) {
  const auto points = line({0.5, 0.7, 0.6, 0.9});
  EXPECT_EQ(first_reaching(points, 0.3, true), 0.25);
  EXPECT_EQ(first_reaching(points, 0.91, true), std::nullopt);
  EXPECT_EQ(first_reaching(std::vector<SummaryPoint>{}, 0.1, true),
            std::nullopt);
}

TEST(ScoreSummaryTest, FindsWhereALossIsSmallEnough) {
  EXPECT_DOUBLE_EQ(*first_reaching(line({2.0, 1.0, 0.5}), 1.5, false), 0.375);
  EXPECT_EQ(first_reaching(line({2.0, 1.0}), 0.5, false), std::nullopt);
}

TEST(ExperimentScoresTest, ReadsCurvesAndFinalScores) {
  const test::TempDir temp;
  const ExperimentPlan plan = made_plan();
  test::write_all_runs(temp, plan);
  const ExperimentScores scores = read(temp, plan);
  EXPECT_EQ(scores.runs.size(), 16U);
  EXPECT_TRUE(scores.missing.empty());
  const auto epochs = against_epochs(scores, "ours", 1.0);
  ASSERT_EQ(epochs.size(), 2U);
  EXPECT_EQ(epochs[0].x, 1.0);
  EXPECT_NEAR(epochs[0].y.mean, 0.86, 1e-12);
  EXPECT_NEAR(epochs[1].y.high, 1.07, 1e-12);
  const auto shares = against_share(scores, "scratch");
  ASSERT_EQ(shares.size(), 4U);
  EXPECT_EQ(shares[1].x, 0.5);
  EXPECT_EQ(shares[1].y.n, 2);
  EXPECT_NEAR(shares[1].y.mean, 0.71, 1e-12);
}

TEST(ExperimentScoresTest, TakesTheLastOfRepeatedEvaluationsAndSkipsCutLines) {
  const test::TempDir temp;
  ExperimentPlan plan = made_plan();
  const PlannedRun run = plan.runs().front();
  write_run(temp, run, {0.1, 0.2, 0.3});
  temp.write("exp/runs/" + run.name() + "/log.jsonl",
             test::evaluation_line(10, 0.1) + test::evaluation_line(20, 0.9) +
                 R"({"type":"evaluation","st)"
                 "\n" +
                 test::evaluation_line(20, 0.2) +
                 test::evaluation_line(40, 0.9));  // Of a longer run before.
  const ExperimentScores scores = read(temp, plan);
  ASSERT_EQ(scores.runs.size(), 1U);
  const auto& curve = scores.runs[0].curve;
  ASSERT_EQ(curve.size(), 3U);
  EXPECT_EQ(curve[1].score, 0.2);
  EXPECT_EQ(curve[2].score, 0.3);
  EXPECT_EQ(curve[2].epoch, 3.0);
}

TEST(ExperimentScoresTest, SaysWhatIsMissing) {
  const test::TempDir temp;
  const ExperimentPlan plan = made_plan();
  const auto runs = plan.runs();
  write_run(temp, runs[0], {Json(), 0.2});
  write_run(temp, runs[1], {0.1, Json()});
  const ExperimentScores scores = read(temp, plan);
  ASSERT_EQ(scores.runs.size(), 1U);
  EXPECT_EQ(scores.runs[0].curve.size(), 1U);
  ASSERT_EQ(scores.missing.size(), 15U);
  EXPECT_EQ(scores.missing[0], runs[1].name() + ": auc is undefined");
  EXPECT_EQ(scores.missing[1], runs[2].name() + ": not finished");
}

TEST(ExperimentScoresTest, NamesTheScoresThereAre) {
  const test::TempDir temp;
  ExperimentPlan plan = made_plan();
  write_run(temp, plan.runs().front(), {0.1});
  plan.metric = "dice";
  expect_error<ConfigError>([&] { read(temp, plan); },
                            {"metric = 'dice'", "result.json", "auc, loss"});
}

TEST(ExperimentScoresTest, RejectsAResultWithoutSteps) {
  const test::TempDir temp;
  const ExperimentPlan plan = made_plan();
  temp.write("exp/runs/" + plan.runs().front().name() + "/result.json",
             R"({"steps":4,"scores":{"auc":1},"identity":
                 {"steps_per_epoch":0}})");
  expect_error<DataError>([&] { read(temp, plan); },
                          {"result.json", "steps_per_epoch is 0"});
}

}  // namespace
}  // namespace voxlift::launcher
