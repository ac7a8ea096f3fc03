#include "trainer/run_state.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/model/model_json.h"

namespace voxlift::trainer {
namespace {

TEST(RunStateTest, ReadsWhatItWrites) {
  RunState state;
  state.step = 7;
  state.samples_seen = 55;
  state.evaluated_step = 6;
  state.scores = {{"top1", 0.5}};
  const RunState back = RunState::from_json(state.to_json(), "state.json");
  EXPECT_EQ(back.to_json(), state.to_json());
  test::expect_error<DataError>(
      [] {
        RunState::from_json({{"step", "x"}}, "state.json");
      },
      {"state.json", "step"});
}

TEST(RunStateTest, NamesWhatMakesItAnotherRun) {
  const Json state = {{"identity", {{"slots", 4}, {"seed", 1}}}};
  check_identity(state, {{"slots", 4}, {"seed", 1}}, "step_1");
  test::expect_error<ConfigError>(
      [&] {
        check_identity(state, {{"slots", 8}, {"seed", 1}}, "step_1");
      },
      {"step_1", "slots = 4", "has 8"});
}

TEST(RunStateTest, NewOptionsOfTheNetworkHaveTheirDefaultsInOldCheckpoints) {
  ModelConfig model;
  model.classes = 4;
  const Json expected = {{"model", to_json(model)}};
  const Json old = {{"identity", {{"model", {{"depth", 18}, {"classes", 4}}}}}};
  check_identity(old, expected, "step_1");
  model.resnet.conv = "acs";
  test::expect_error<ConfigError>(
      [&] {
        check_identity(old, {{"model", to_json(model)}}, "step_1");
      },
      {"step_1", "model"});
}

TEST(RunStateTest, ListsOptionsThatChangeTheRun) {
  const Json state = {
      {"config", {{"schedule.lr", "0.1"}, {"run.out", "a"}, {"x", "1"}}}};
  EXPECT_EQ(changed_options(
                state, {{"schedule.lr", "0.05"}, {"run.out", "b"}, {"x", "1"}}),
            std::vector<std::string>{"schedule.lr = \"0.05\" (was \"0.1\")"});
}

}  // namespace
}  // namespace voxlift::trainer
