#include "launcher/experiment/experiment_runs.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/strings.h"
#include "tests/launcher/made_experiment.h"
#include "tests/support/child_process.h"
#include "tests/support/expect_error.h"

namespace voxlift::launcher {
namespace {

using test::expect_error;

// `train --config FILE --run.out DIR` notes DIR; fails where DIR holds "fail",
// stops where it holds "stop", asks its parent to stop where it holds "ask".
constexpr const char* kProgram = R"(#!/bin/sh
[ "$1" = -n ] && shift 3
echo "$(basename "$0") $1 $5" >> "$(dirname "$0")/calls"
[ -e "$5/fail" ] && exit 3
[ -e "$5/stop" ] && exit 75
if [ -e "$5/ask" ]; then
  trap 'exit 75' TERM
  kill -TERM $PPID
  while :; do sleep 0.05; done
fi
mkdir -p "$5" && echo '{}' > "$5/result.json"
)";

class ExperimentRunsTest : public testing::Test {
 protected:
  ExperimentRunsTest() : plan_(test::made_plan()) {
    plan_.fractions = {1.0};
    for (const char* name : {"voxlift", "voxlift-launch"}) {
      const std::string path = temp_.write(name, kProgram);
      std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    }
  }

  int make(int64_t task = 0, int64_t ranks = 1) {
    return make_runs(
        plan_,
        {.out = out(), .programs = temp_.path(), .ranks = ranks, .task = task});
  }

  std::string out() const { return temp_.file("exp"); }

  // "scratch_f100_s0" and so on, as they were called.
  std::vector<std::string> calls() const {
    std::vector<std::string> names;
    for (const std::string& line :
         str_split(str_trim(test::read_text(temp_.file("calls"))), '\n')) {
      names.push_back(base_name(line));
    }
    return names;
  }

  static std::string resolved(const std::string& lr) {
    return "# comment = 1\nschedule.lr = " + lr + "\nrun.out = x\n";
  }

  void write(const std::string& lr) {
    write_plan(
        plan_, out(),
        [&](const ExperimentPlan&, const PlannedRun&, const std::string&) {
          return resolved(lr);
        },
        {"run.out"}, files_);
  }

  test::TempDir temp_;
  RealFiles files_;
  ExperimentPlan plan_;
};

TEST_F(ExperimentRunsTest, MakesEveryRunOnce) {
  EXPECT_EQ(make(), 0);
  EXPECT_EQ(calls(),
            (std::vector<std::string>{"scratch_f100_s0", "ours_f100_s0",
                                      "scratch_f100_s1", "ours_f100_s1"}));
  EXPECT_EQ(make(), 0);
  EXPECT_EQ(calls().size(), 4U);
}

TEST_F(ExperimentRunsTest, MakesOneRunOfThePlanOnSeveralRanks) {
  EXPECT_EQ(make(2, 2), 0);
  EXPECT_EQ(calls(), (std::vector<std::string>{"ours_f100_s0"}));
  EXPECT_NE(test::read_text(temp_.file("calls")).find("voxlift-launch train"),
            std::string::npos);
}

TEST_F(ExperimentRunsTest, GoesOnAfterARunThatFails) {
  temp_.write("exp/runs/ours_f100_s0/fail", "");
  EXPECT_EQ(make(), 3);
  EXPECT_EQ(calls().size(), 4U);
}

TEST_F(ExperimentRunsTest, EndsWithARunThatWasStopped) {
  temp_.write("exp/runs/ours_f100_s0/stop", "");
  EXPECT_EQ(make(), 75);
  EXPECT_EQ(calls().size(), 2U);
}

TEST_F(ExperimentRunsTest, PassesAWishToStopOnToTheRun) {
  temp_.write("exp/runs/ours_f100_s0/ask", "");
  EXPECT_EQ(make(), 75);
  EXPECT_EQ(calls().size(), 2U);
}

TEST_F(ExperimentRunsTest, RejectsTasksThatAreNotPlanned) {
  expect_error<ConfigError>([&] { make(5); },
                            {"task = 5", "the plan has runs 1 to 4"});
  expect_error<ConfigError>([&] { make(-1); }, {"task = -1"});
  expect_error<ConfigError>([&] { make(0, 0); },
                            {"ranks = 0: must be at least 1"});
}

TEST_F(ExperimentRunsTest, WritesThePlanAndAConfigurationPerRun) {
  write("0.1");
  EXPECT_EQ(read_plan(out(), files_).to_json(out()), plan_.to_json(out()));
  EXPECT_EQ(test::read_text(temp_.file("exp/runs/ours_f100_s1/config.cfg")),
            resolved("0.1"));
}

TEST_F(ExperimentRunsTest, GrowsByFurtherSeedsButKeepsItsConfiguration) {
  write("0.1");
  plan_.seeds.push_back(2);
  write("0.1");
  EXPECT_TRUE(files_.exists(temp_.file("exp/runs/ours_f100_s2/config.cfg")));
  expect_error<ConfigError>(
      [&] { write("0.2"); },
      {"config.cfg", "schedule.lr = '0.1', now it is '0.2'", "another out"});
}

TEST_F(ExperimentRunsTest, OptionsWithoutEffectMayChange) {
  write("0.1");
  write_plan(
      plan_, out(),
      [](const ExperimentPlan&, const PlannedRun&, const std::string&) {
        return std::string("schedule.lr = 0.1\nrun.out = y\nnew = 1\n");
      },
      {"run.out"}, files_);
  EXPECT_NE(test::read_text(temp_.file("exp/runs/ours_f100_s1/config.cfg"))
                .find("run.out = y"),
            std::string::npos);
}

TEST_F(ExperimentRunsTest, SaysThatThereIsNoPlan) {
  expect_error<ConfigError>([&] { read_plan(out(), files_); },
                            {"plan.json", "give config and inits"});
}

TEST_F(ExperimentRunsTest, WritesAJobArrayThatBashReads) {
  const std::string script = array_script(plan_, "it's/exp");
  EXPECT_NE(script.find("#SBATCH --array=1-4\n"), std::string::npos) << script;
  const std::string life_cycle = "life_cycle() { echo \"$*\"; }\n";
  temp_.write("scripts/slurm/life_cycle.sh", life_cycle);
  const auto result = test::run_program(
      {"bash", temp_.write("array.sbatch", script)},
      {"VOXLIFT_HOME=" + temp_.path(), "SLURM_ARRAY_TASK_ID=2"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "train --config it's/exp/runs/ours_f100_s0/config.cfg --run.out "
            "it's/exp/runs/ours_f100_s0\n");
}

}  // namespace
}  // namespace voxlift::launcher
