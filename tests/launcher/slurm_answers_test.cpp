#include "launcher/launch/slurm_answers.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace voxlift::launcher {
namespace {

using Words = std::vector<std::string>;

TEST(SlurmAnswersTest, FindsThePmixPluginsOfEveryVersion) {
  EXPECT_EQ(pmix_plugins("MPI plugin types are...\n\tpmix\n\tnone\n\tpmi2\n"
                         "specific pmix plugin versions available: pmix_v4\n"),
            (Words{"pmix", "pmix_v4"}));
  EXPECT_EQ(pmix_plugins("srun: MPI types are...\nsrun: none\nsrun: pmix\n"
                         "srun: pmix_v3\n"),
            (Words{"pmix", "pmix_v3"}));
  EXPECT_EQ(pmix_plugins("MPI plugin types are...\n\tnone\n\tpmi2\n"), Words{});
  EXPECT_EQ(pmix_plugins("srun: error: no pmix here\n"), Words{});
  EXPECT_EQ(pmix_plugins(""), Words{});
}

TEST(SlurmAnswersTest, ReadsLocalTimes) {
  ::setenv("TZ", "UTC", 1);
  EXPECT_EQ(parse_slurm_time("2026-11-21T13:32:14\n"), 1795267934);
  for (const char* none : {"N/A", "NONE", "Unknown", "", "2026-11"}) {
    EXPECT_EQ(parse_slurm_time(none), 0) << none;
  }
}

TEST(SlurmAnswersTest, LeavesOutNodesThatCannotRunAStep) {
  EXPECT_EQ(living_nodes("n1 allocated\nn1 allocated\nn2 down*\nn3 mixed*\n"
                         "n4 mixed\nn5 drained\nn6 completing\n"),
            (Words{"n1", "n4", "n6"}));
  EXPECT_EQ(living_nodes(""), Words{});
}

TEST(SlurmAnswersTest, ReadsSettings) {
  const std::string config =
      "KillWait                = 30 sec\nPreemptMode = REQUEUE\n";
  EXPECT_EQ(slurm_setting(config, "KillWait"), "30");
  EXPECT_EQ(slurm_setting(config, "PreemptMode"), "REQUEUE");
  EXPECT_EQ(slurm_setting(config, "Preempt"), "");
  EXPECT_EQ(slurm_setting("PartitionName=low GraceTime=5", "GraceTime"), "5");
}

}  // namespace
}  // namespace voxlift::launcher
