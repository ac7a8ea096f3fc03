#include "launcher/experiment/experiment_report.h"

#include <gtest/gtest.h>

#include "tests/launcher/made_experiment.h"

namespace voxlift::launcher {
namespace {

using test::made_plan;

struct MadeReport {
  explicit MadeReport(const ExperimentPlan& made = made_plan()) : plan(made) {
    test::write_all_runs(temp, plan);
  }

  ExperimentScores scores() const {
    return read_scores(plan, temp.file("exp"), RealFiles());
  }

  test::TempDir temp;
  ExperimentPlan plan;
};

void expect_says(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos)
      << part << " is not in " << text;
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

TEST(ExperimentReportTest, FindsTheLabelsSavedAtEqualScore) {
  const MadeReport made;
  const auto rows = compare_inits(made.plan, made.scores());
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_DOUBLE_EQ(*rows[0].share, 1.0);
  EXPECT_DOUBLE_EQ(*rows[0].epochs, 2.0);
  EXPECT_NEAR(rows[1].with_all->mean, 1.06, 1e-12);
  EXPECT_NEAR(*rows[1].share, 0.625, 1e-9);  // 0.9 = 0.65 + 0.4 f.
  EXPECT_FALSE(rows[1].share_is_bound);
  EXPECT_NEAR(*rows[1].epochs, 1.25, 1e-9);
}

TEST(ExperimentReportTest, KnowsASmallestShareThatIsEnough) {
  MadeReport made;
  for (const PlannedRun& run : made.plan.runs()) {
    if (run.init == "ours") {
      test::write_run(made.temp, run, {0.95});
    }
  }
  const auto rows = compare_inits(made.plan, made.scores());
  EXPECT_EQ(rows[1].share, 0.25);
  EXPECT_TRUE(rows[1].share_is_bound);
  expect_says(report_html(made.plan, made.scores()), "at least 75 %");
}

TEST(ExperimentReportTest, KnowsAnInitialisationThatNeverReachesTheFirst) {
  MadeReport made;
  for (const PlannedRun& run : made.plan.runs()) {
    if (run.init == "ours") {
      test::write_run(made.temp, run, {0.5});
    }
  }
  const auto rows = compare_inits(made.plan, made.scores());
  EXPECT_EQ(rows[1].share, std::nullopt);
  EXPECT_EQ(rows[1].epochs, std::nullopt);
  expect_says(report_html(made.plan, made.scores()), "not reached");
}

TEST(ExperimentReportTest, ComparesNothingWithoutTheFirstWithAllLabels) {
  MadeReport made;
  for (const PlannedRun& run : made.plan.runs()) {
    if (run.fraction == 1.0 && run.init == "scratch") {
      RealFiles().remove_all(made.temp.file("exp/runs/" + run.name()));
    }
  }
  const auto rows = compare_inits(made.plan, made.scores());
  EXPECT_FALSE(rows[0].with_all.has_value());
  EXPECT_TRUE(rows[1].with_all.has_value());
  EXPECT_FALSE(rows[1].share.has_value());
}

TEST(ExperimentReportTest, WritesATableOfAllEvaluations) {
  const MadeReport made;
  const std::string csv = scores_csv(made.plan, made.scores());
  EXPECT_EQ(count(csv, "\n"), 1U + 16U * 2U);
  expect_says(csv, "init,fraction,seed,step,epoch,auc\n");
  expect_says(csv, "\nours,0.5,1,20,2,0.87\n");
}

TEST(ExperimentReportTest, IsOnePageThatNeedsNoOther) {
  const MadeReport made;
  const std::string html = report_html(made.plan, made.scores());
  EXPECT_EQ(count(html, "<svg"), 2U);
  EXPECT_EQ(count(html, "<polyline"), 4U);
  expect_says(html, "<td>62 %</td><td>38 %</td>");
  expect_says(html, "16 of 16 runs");
  EXPECT_EQ(count(html, "Missing"), 0U);
  EXPECT_EQ(count(html, "src="), 0U);
  EXPECT_EQ(count(html, "href="), 0U);
}

TEST(ExperimentReportTest, SaysWhatIsMissing) {
  const ExperimentPlan plan = made_plan();
  const test::TempDir temp;
  const std::string html =
      report_html(plan, read_scores(plan, temp.file("exp"), RealFiles()));
  expect_says(html, "0 of 16 runs");
  expect_says(html, "<li>ours_f50_s1: not finished</li>");
  EXPECT_EQ(count(html, "no finished run"), 2U);
}

TEST(ExperimentReportTest, DrawsEpochsAloneForOneShare) {
  ExperimentPlan plan = made_plan();
  plan.kind = "convergence";
  plan.fractions = {1.0};
  const MadeReport made(plan);
  const std::string html = report_html(plan, made.scores());
  EXPECT_EQ(count(html, "<svg"), 1U);
  EXPECT_EQ(count(html, "labels saved"), 0U);
}

}  // namespace
}  // namespace voxlift::launcher
