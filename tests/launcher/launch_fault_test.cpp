// voxlift-launch with real mpirun, real ranks and real kills.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/strings.h"
#include "launcher/launch/progress_stamp.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"

namespace voxlift::launcher {
namespace {

using test::ChildProcess;
using test::ChildResult;
using test::eventually;
using Args = std::vector<std::string>;

constexpr double kTimeoutS = 60.0;
// Long enough that only a signal ends it.
const Args kEndless = {"--steps", "100000"};

class LaunchTest : public ::testing::Test {
 protected:
  // The launcher's command line for two ranks of the test program.
  Args command(const Args& launch_options, const Args& rank_options) const {
    Args argv = {VOXLIFT_LAUNCH, "-n",        "2",  "--program",
                 LAUNCH_RANK,    "--backoff", "0.1"};
    argv.insert(argv.end(), launch_options.begin(), launch_options.end());
    argv.insert(argv.end(), {"--", "--out", dir_.path()});
    argv.insert(argv.end(), rank_options.begin(), rank_options.end());
    return argv;
  }

  ChildResult launch(const Args& launch_options, const Args& rank_options) {
    return test::run_program(command(launch_options, rank_options), {},
                             kTimeoutS);
  }

  std::string newest() const { return newest_checkpoint(dir_.path()); }

  // Waits until ranks are at work.
  bool has_started() const {
    return eventually([&] { return newest() >= "step_00000003"; }, 30.0);
  }

  // Processes whose command line names this test's folder, or the child that
  // --fork leaves.
  int num_processes(const std::string& word) const {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream file(entry.path() / "cmdline");
      std::string line;
      std::getline(file, line);
      count += line.find(word) != std::string::npos ? 1 : 0;
    }
    return count;
  }

  test::TempDir dir_;
};

TEST_F(LaunchTest, EndsWithZeroWhenTheRanksAreDone) {
  const ChildResult result = launch({}, {"--steps", "3"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(newest(), "step_00000003");
}

TEST_F(LaunchTest, PassesOnAnExitCodeThatWouldComeAgain) {
  for (const char* code : {"2", "3", "4", "70"}) {
    const ChildResult result = launch({}, {"--exit", code});
    EXPECT_EQ(std::to_string(result.exit_code), code) << result.err;
    EXPECT_EQ(result.err.find("restart"), std::string::npos) << result.err;
  }
}

TEST_F(LaunchTest, RestartsFromTheCheckpointAfterAKilledRank) {
  const ChildResult result = launch({}, {"--steps", "8", "--kill", "4"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(newest(), "step_00000008");
  EXPECT_NE(result.err.find("restart 1 of 3"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("from step_00000003"), std::string::npos)
      << result.err;
}

TEST_F(LaunchTest, GivesUpAfterItsRestartsWithFive) {
  const ChildResult result =
      launch({"--max-restarts", "1"}, {"--steps", "8", "--kill", "1"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_NE(result.err.find("restart 1 of 1"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("giving up after 1 restarts"), std::string::npos)
      << result.err;
}

TEST_F(LaunchTest, TurnsEveryStopSignalIntoACheckpointAnd75) {
  for (const int number : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) {
    ChildProcess child(command({}, kEndless));
    const std::string before = newest();
    ASSERT_TRUE(eventually([&] { return newest() > before; }, 30.0));
    ASSERT_TRUE(has_started());
    child.signal(number);
    const ChildResult result = child.wait(kTimeoutS);
    EXPECT_EQ(result.exit_code, 75) << result.err;
    EXPECT_NE(result.err.find("got signal"), std::string::npos);
    EXPECT_EQ(num_processes(dir_.path()), 0);
  }
}

TEST_F(LaunchTest, EndsRanksThatDoNotStopWithinTheGrace) {
  Args deaf = kEndless;
  deaf.emplace_back("--deaf");
  ChildProcess child(command({"--grace", "1"}, deaf));
  ASSERT_TRUE(has_started());
  child.signal(SIGTERM);
  const ChildResult result = child.wait(kTimeoutS);
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_NE(result.err.find("not stopped within 1.0s"), std::string::npos);
  EXPECT_EQ(num_processes(dir_.path()), 0);
}

TEST_F(LaunchTest, RestartsRanksThatHang) {
  const ChildResult result =
      launch({"--stall", "2"}, {"--steps", "8", "--hang", "4"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("no progress"), std::string::npos) << result.err;
  EXPECT_EQ(newest(), "step_00000008");
}

TEST_F(LaunchTest, LeavesNoOrphanOfALostRank) {
  const ChildResult result = launch({"--max-restarts", "0"},
                                    {"--steps", "8", "--kill", "2", "--fork"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_EQ(num_processes("4713"), 0);
  EXPECT_EQ(num_processes(dir_.path()), 0);
}

TEST_F(LaunchTest, LeavesNoRankWhenItIsKilledItself) {
  {
    ChildProcess child(command({}, kEndless));
    ASSERT_TRUE(has_started());
    child.signal(SIGKILL);
    child.wait(kTimeoutS);
  }
  EXPECT_TRUE(
      eventually([&] { return num_processes(dir_.path()) == 0; }, 15.0));
}

TEST_F(LaunchTest, GoesOnAfterMpirunIsKilled) {
  ChildProcess child(command({}, {"--steps", "20"}));
  ASSERT_TRUE(has_started());
  const std::string err = child.err_so_far();
  const std::string words = "(process ";
  const size_t at = err.find(words);
  ASSERT_NE(at, std::string::npos) << err;
  ::kill(std::stoi(err.substr(at + words.size())), SIGKILL);
  const ChildResult result = child.wait(kTimeoutS);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("signal 9 (Killed); restart 1 of 3"),
            std::string::npos)
      << result.err;
  EXPECT_EQ(num_processes(dir_.path()), 0);
}

// Hosts called dead* do not answer; others do not run anything either, but say
// that they have killed seven processes when they are asked to clean up.
class HostfileTest : public LaunchTest {
 protected:
  HostfileTest() {
    agent_ = dir_.write("agent",
                        "#!/bin/sh\ncase $1 in dead*) exit 1 ;; esac\n"
                        "[ \"$2\" != true ] || exit 1\necho 7\n");
    ::chmod(agent_.c_str(), 0755);
    hosts_ = dir_.write("hosts", "localhost slots=2\ndead1 slots=2\n");
  }

  Args options(const std::string& min_ranks) const {
    return {"-n",          "4",    "--hostfile",  hosts_,
            "--rsh-agent", agent_, "--min-ranks", min_ranks};
  }

  ChildResult launch_four(const std::string& min_ranks,
                          const Args& rank_options = {}) {
    Args argv = {VOXLIFT_LAUNCH};
    const Args given = options(min_ranks);
    argv.insert(argv.end(), given.begin(), given.end());
    argv.insert(argv.end(),
                {"--program", LAUNCH_RANK, "--backoff", "0.1", "--max-restarts",
                 "1", "--", "--out", dir_.path(), "--steps", "3"});
    argv.insert(argv.end(), rank_options.begin(), rank_options.end());
    return test::run_program(argv, {}, kTimeoutS);
  }

  std::string agent_;
  std::string hosts_;
};

TEST_F(HostfileTest, LeavesOutAHostThatDoesNotAnswer) {
  const ChildResult result = launch_four("2");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("left out, of 2 hosts: dead1; starting 2 ranks on "
                            "the others"),
            std::string::npos)
      << result.err;
  EXPECT_EQ(newest(), "step_00000003");
}

TEST_F(HostfileTest, EndsWithFiveWhereTooFewHostsAnswer) {
  const ChildResult result = launch_four("4");
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_NE(result.err.find("only 1 of 2 hosts of"), std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("min-ranks is 4"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("restart 1 of 1"), std::string::npos) << result.err;
}

TEST_F(HostfileTest, CleansUpOnEveryHostAfterALostRank) {
  dir_.write("hosts", "localhost slots=2\ndead1\nother1\n");
  const ChildResult result = launch_four("2", {"--kill", "2"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("killed 7 processes that were left on other1"),
            std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("host dead1 does not answer: what it runs is not "
                            "cleaned up"),
            std::string::npos)
      << result.err;
}

TEST(EndJobTest, KillsWhatALaunchHasLeftOnThisHost) {
  ChildProcess left({"sleep", "60"}, {"VOXLIFT_JOB_TOKEN=0123456789abcdef"});
  ASSERT_TRUE(eventually(
      [] {
        return test::run_program(
                   {VOXLIFT_LAUNCH, "--end-job", "0123456789abcdef"})
                   .out == "1\n";
      },
      10.0));
  EXPECT_EQ(left.wait(10.0).exit_code, 128 + SIGKILL);
}

TEST_F(LaunchTest, SaysWhatStartsTheRanksAndWhy) {
  EXPECT_NE(launch({}, {"--steps", "1"})
                .err.find("started by mpirun: this is no SLURM job"),
            std::string::npos);
}

TEST_F(LaunchTest, TellsTrainWhenTheAllocationEnds) {
  const auto shown = [&](const Args& options) {
    Args argv = {VOXLIFT_LAUNCH, "-n",        "1",
                 "--program",    LAUNCH_RANK, "--dry-run"};
    argv.insert(argv.end(), options.begin(), options.end());
    return test::run_program(argv).out;
  };
  const std::string option = "--run.end_time 1795267934";
  EXPECT_NE(shown({"--end-time", "1795267934", "--", "train"}).find(option),
            std::string::npos);
  EXPECT_EQ(shown({"--end-time", "1795267934", "--", "evaluate"}).find(option),
            std::string::npos);
  EXPECT_EQ(
      shown({"--end-time", "1795267934", "--", "train", "--run.end_time=5"})
          .find(option),
      std::string::npos);
  EXPECT_EQ(shown({"--", "train"}).find("end_time"), std::string::npos);
}

TEST_F(LaunchTest, DoesNotStartAProgramThatIsMissing) {
  const ChildResult result = test::run_program(
      {VOXLIFT_LAUNCH, "-n", "1", "--program", dir_.file("none"), "--", "x"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            str_cat("voxlift-launch: ConfigError: cannot run the "
                    "program '",
                    dir_.file("none"), "': No such file or directory\n"));
}

TEST_F(LaunchTest, NamesMpirunThatIsMissing) {
  const ChildResult result =
      test::run_program(command({}, {}), {"PATH=/nonexistent"});
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_NE(result.err.find("cannot run 'mpirun'"), std::string::npos)
      << result.err;
}

TEST_F(LaunchTest, ShowsThePlanWithoutStarting) {
  const ChildResult result = launch({"--dry-run"}, {});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("mpirun -n 2"), std::string::npos) << result.out;
  EXPECT_EQ(newest(), "");
}

TEST_F(LaunchTest, WritesALogForEachRank) {
  const std::string logs = dir_.file("logs");
  const ChildResult result = launch({"--log-dir", logs}, {"--steps", "1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  int num_logs = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(logs)) {
    num_logs += entry.path().filename() == "stdout" ? 1 : 0;
  }
  EXPECT_EQ(num_logs, 2);
}

TEST_F(LaunchTest, AsksForACommand) {
  const ChildResult result = test::run_program({VOXLIFT_LAUNCH, "-n", "2"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("no command"), std::string::npos) << result.err;
}

TEST_F(LaunchTest, NamesTheNearestOption) {
  const ChildResult result =
      test::run_program({VOXLIFT_LAUNCH, "--max-restart", "2", "--", "x"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("'max-restarts'"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace voxlift::launcher
