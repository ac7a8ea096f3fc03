#include "launcher/launch/cluster_env.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/expect_error.h"

namespace voxlift::launcher {
namespace {

ClusterEnv read(const std::map<std::string, std::string>& variables) {
  return read_cluster_env(
      [&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end()
                   ? std::nullopt
                   : std::optional<std::string>(found->second);
      });
}

TEST(ClusterEnvTest, IsNoRankWhenStartedAlone) {
  const ClusterEnv env = read({});
  EXPECT_FALSE(env.is_mpi_rank);
  EXPECT_FALSE(env.in_slurm);
}

TEST(ClusterEnvTest, KnowsARankOfMpirunOrSrun) {
  EXPECT_TRUE(read({{"OMPI_COMM_WORLD_SIZE", "2"}}).is_mpi_rank);
  EXPECT_TRUE(read({{"PMIX_RANK", "0"}}).is_mpi_rank);
}

TEST(ClusterEnvTest, IsNoRankInABatchScript) {
  const ClusterEnv env = read({{"SLURM_JOB_ID", "7"},
                               {"SLURM_PROCID", "0"},
                               {"SLURM_NTASKS", "8"},
                               {"SLURM_JOB_NUM_NODES", "4"},
                               {"SLURM_RESTART_COUNT", "2"}});
  EXPECT_FALSE(env.is_mpi_rank);
  EXPECT_TRUE(env.in_slurm);
  EXPECT_EQ(env.slurm_num_tasks, 8);
  EXPECT_EQ(env.slurm_num_nodes, 4);
  EXPECT_EQ(env.slurm_restart_count, 2);
}

TEST(ClusterEnvTest, NamesAVariableThatIsNoNumber) {
  test::expect_error<ConfigError>(
      [] {
        read({{"SLURM_NTASKS", "many"}});
      },
      {"SLURM_NTASKS", "'many'", "whole number"});
}

TEST(ClusterEnvTest, SeesALaunchThatMpiDoesNotKnowOf) {
  const ClusterEnv env = read_cluster_env(
      [](const std::string& name) -> std::optional<std::string> {
        if (name == "SLURM_STEP_NUM_TASKS") {
          return "4";
        }
        return std::nullopt;
      });
  EXPECT_FALSE(env.is_mpi_rank);
  EXPECT_EQ(env.num_launched, 4);
}

}  // namespace
}  // namespace voxlift::launcher
