#include "launcher/experiment/experiment_plan.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "tests/support/expect_error.h"

namespace voxlift::launcher {
namespace {

using test::expect_error;
using Words = std::vector<std::string>;

ExperimentPlan plan_of_two() {
  ExperimentPlan plan;
  plan.kind = "annotation";
  plan.metric = "auc";
  plan.inits =
      parse_initialisations(Words{"scratch=", "ours=runs/pre", "acs=@a.cfg"});
  plan.fractions = parse_fractions(Words{"1", "0.2", "0.025"});
  plan.seeds = {4, 5};
  return plan;
}

TEST(ExperimentPlanTest, ReadsInitialisations) {
  const auto inits = plan_of_two().inits;
  ASSERT_EQ(inits.size(), 3U);
  EXPECT_EQ(inits[0].weights, "");
  EXPECT_EQ(inits[1].name, "ours");
  EXPECT_EQ(inits[1].weights, "runs/pre");
  EXPECT_EQ(inits[2].options_file, "a.cfg");
}

TEST(ExperimentPlanTest, RejectsInitialisationsThatItCannotName) {
  for (const std::string& word :
       Words{"scratch", "=x", "a/b=x", "a_b=", ".="}) {
    expect_error<ConfigError>([&] { parse_initialisations(Words{word}); },
                              {"'" + word + "'", "NAME=WEIGHTS"});
  }
  expect_error<ConfigError>(
      [] {
        parse_initialisations(Words{"a=", "a=x"});
      },
      {"inits names 'a' twice"});
  expect_error<ConfigError>([] { parse_initialisations(Words{}); },
                            {"inits is not set"});
}

TEST(ExperimentPlanTest, SortsFractionsAndRejectsOthers) {
  EXPECT_EQ(parse_fractions(Words{"1", "0.2", "0.2"}),
            (std::vector<double>{0.2, 1.0}));
  for (const std::string& word : Words{"0", "1.1", "-1", "x", ""}) {
    expect_error<ConfigError>([&] { parse_fractions(Words{word}); },
                              {"fractions has '" + word + "'", "(0, 1]"});
  }
}

TEST(ExperimentPlanTest, CrossesInitialisationsSharesAndSeeds) {
  const ExperimentPlan plan = plan_of_two();
  const auto runs = plan.runs();
  ASSERT_EQ(runs.size(), 18U);
  EXPECT_EQ(runs[0].name(), "scratch_f2.5_s4");
  EXPECT_EQ(runs[4].name(), "ours_f20_s4");
  EXPECT_EQ(runs[17].name(), "acs_f100_s5");
  std::set<std::string> names;
  for (const PlannedRun& run : runs) {
    names.insert(run.name());
  }
  EXPECT_EQ(names.size(), runs.size());
  EXPECT_EQ(plan.init_of(runs[4]).weights, "runs/pre");
}

TEST(ExperimentPlanTest, IsTheSameAfterTheFile) {
  const Json json = plan_of_two().to_json("exp");
  EXPECT_EQ(json.at("runs").size(), 18U);
  EXPECT_EQ(json.at("runs").at(4).at("task"), 5);
  EXPECT_EQ(json.at("runs").at(4).at("dir"), "exp/runs/ours_f20_s4");
  const ExperimentPlan again = ExperimentPlan::from_json(json, "plan.json");
  EXPECT_EQ(again.to_json("exp"), json);
}

TEST(ExperimentPlanTest, RejectsAFileThatPlansNothing) {
  Json json = plan_of_two().to_json("exp");
  json["seeds"] = Json::array();
  expect_error<DataError>([&] { ExperimentPlan::from_json(json, "plan.json"); },
                          {"'plan.json' plans no run"});
  json.erase("kind");
  expect_error<DataError>([&] { ExperimentPlan::from_json(json, "plan.json"); },
                          {"plan.json", "kind"});
}

}  // namespace
}  // namespace voxlift::launcher
