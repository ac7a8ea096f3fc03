#include "launcher/launch/launch_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/expect_error.h"

namespace voxlift::launcher {
namespace {

using Words = std::vector<std::string>;
using test::expect_error;

bool contains(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

const Words kCommand = {"/opt/voxlift", "train", "--out", "run"};
const HostFacts kFourCores{.num_cores = 4, .is_root = false};

LaunchConfig config_of(int64_t ranks) {
  LaunchConfig config;
  config.ranks = ranks;
  return config;
}

ClusterEnv slurm_of(int tasks, int nodes) {
  ClusterEnv env;
  env.in_slurm = true;
  env.slurm_num_tasks = tasks;
  env.slurm_num_nodes = nodes;
  return env;
}

TEST(LaunchPlanTest, StartsMpirunOutsideSlurm) {
  const LaunchPlan plan =
      make_launch_plan(config_of(2), kCommand, {}, kFourCores);
  EXPECT_EQ(plan.argv, (Words{"mpirun", "-n", "2", "-x", "OMP_NUM_THREADS",
                              "/opt/voxlift", "train", "--out", "run"}));
}

TEST(LaunchPlanTest, OversubscribesWithMoreRanksThanCores) {
  EXPECT_TRUE(
      contains(make_launch_plan(config_of(5), kCommand, {}, kFourCores).argv,
               "--oversubscribe"));
}

TEST(LaunchPlanTest, TakesSlotsFromAHostfile) {
  LaunchConfig config = config_of(8);
  config.hostfile = "hosts";
  config.rsh_agent = "/opt/agent";
  const Words argv = make_launch_plan(config, kCommand, {}, kFourCores).argv;
  EXPECT_TRUE(contains(argv, "hosts"));
  EXPECT_TRUE(contains(argv, "/opt/agent"));
  EXPECT_FALSE(contains(argv, "--oversubscribe"));
}

TEST(LaunchPlanTest, AllowsRootOnlyToRoot) {
  EXPECT_TRUE(contains(make_launch_plan(config_of(1), kCommand, {},
                                        {.num_cores = 4, .is_root = true})
                           .argv,
                       "--allow-run-as-root"));
  EXPECT_FALSE(
      contains(make_launch_plan(config_of(1), kCommand, {}, kFourCores).argv,
               "--allow-run-as-root"));
}

TEST(LaunchPlanTest, StartsSrunInsideSlurm) {
  const LaunchPlan plan =
      make_launch_plan(config_of(0), kCommand, slurm_of(4, 2), kFourCores);
  EXPECT_EQ(plan.argv[0], "srun");
  for (const char* word : {"--mpi=pmix", "--kill-on-bad-exit=1", "--ntasks=4",
                           "--ntasks-per-node=2"}) {
    EXPECT_TRUE(contains(plan.argv, word)) << word;
  }
  const Words environment = make_environment({}, plan);
  EXPECT_TRUE(contains(environment, "SLURM_PMIX_FENCE=ring"));
  EXPECT_TRUE(contains(environment, "OMP_NUM_THREADS=2"));
}

TEST(LaunchPlanTest, StartsMpirunInsideSlurmWithoutPmixOrOnRequest) {
  LaunchConfig config = config_of(0);
  HostFacts host = kFourCores;
  std::string why;
  EXPECT_TRUE(uses_srun(config, slurm_of(8, 2), host, &why));
  EXPECT_NE(why.find("srun --mpi=pmix: a SLURM job"), std::string::npos) << why;
  host.srun_has_pmix = false;
  EXPECT_FALSE(uses_srun(config, slurm_of(8, 2), host, &why));
  EXPECT_NE(why.find("no PMIx plugin"), std::string::npos) << why;
  const LaunchPlan plan =
      make_launch_plan(config, kCommand, slurm_of(8, 2), host);
  EXPECT_EQ(plan.argv[0], "mpirun");
  EXPECT_TRUE(contains(plan.argv, "ppr:4:node"));
  EXPECT_FALSE(contains(plan.argv, "--oversubscribe"));
  EXPECT_TRUE(contains(make_environment({}, plan), "SLURM_OVERLAP=1"));
  config.starter = "srun";
  EXPECT_TRUE(uses_srun(config, slurm_of(8, 2), host));
  config.hostfile = "hosts";
  EXPECT_FALSE(uses_srun(config, slurm_of(8, 2), host, &why));
  EXPECT_NE(why.find("a hostfile is given"), std::string::npos) << why;
}

TEST(LaunchPlanTest, TellsSrunTheCoresOfATask) {
  ClusterEnv cluster = slurm_of(4, 2);
  cluster.slurm_cpus_per_task = 8;
  EXPECT_TRUE(contains(
      make_launch_plan(config_of(0), kCommand, cluster, kFourCores).argv,
      "--cpus-per-task=8"));
}

TEST(LaunchPlanTest, RunsOnTheNodesThatAreLeft) {
  HostFacts host = kFourCores;
  host.only_nodes = {"n1", "n3"};
  const LaunchPlan srun =
      make_launch_plan(config_of(4), kCommand, slurm_of(4, 2), host);
  EXPECT_TRUE(contains(srun.argv, "--nodes=2"));
  EXPECT_TRUE(contains(srun.argv, "--nodelist=n1,n3"));
  host.srun_has_pmix = false;
  const LaunchPlan mpirun =
      make_launch_plan(config_of(4), kCommand, slurm_of(4, 2), host);
  EXPECT_TRUE(contains(mpirun.argv, "n1,n3"));
}

TEST(LaunchPlanTest, BindsRanks) {
  LaunchConfig config = config_of(2);
  config.bind = "core";
  const LaunchPlan core = make_launch_plan(config, kCommand, {}, kFourCores);
  EXPECT_TRUE(contains(core.argv, "slot:PE=2"));
  EXPECT_TRUE(contains(core.argv, "core"));
  EXPECT_FALSE(contains(make_environment({}, core),
                        "OMPI_MCA_hwloc_base_binding_policy=none"));
  EXPECT_TRUE(contains(
      make_launch_plan(config, kCommand, slurm_of(2, 1), kFourCores).argv,
      "--cpu-bind=cores"));
  config.bind = "numa";
  EXPECT_TRUE(contains(make_launch_plan(config, kCommand, {}, kFourCores).argv,
                       "numa"));
  EXPECT_TRUE(contains(
      make_launch_plan(config, kCommand, slurm_of(2, 1), kFourCores).argv,
      "--cpu-bind=ldoms"));
}

TEST(LaunchPlanTest, KeepsTheTrafficOnTheInterfaces) {
  LaunchConfig config = config_of(2);
  config.interfaces = {"ib0", "ib1"};
  const LaunchPlan plan = make_launch_plan(config, kCommand, {}, kFourCores);
  const Words environment = make_environment({}, plan);
  for (const char* entry :
       {"OMPI_MCA_btl_tcp_if_include=ib0,ib1",
        "OMPI_MCA_oob_tcp_if_include=ib0,ib1", "NCCL_SOCKET_IFNAME=ib0,ib1"}) {
    EXPECT_TRUE(contains(environment, entry)) << entry;
  }
  EXPECT_TRUE(contains(plan.argv, "NCCL_SOCKET_IFNAME"));
}

TEST(LaunchPlanTest, RefusesMoreRanksThanGpus) {
  LaunchConfig config = config_of(8);
  config.gpus_per_node = 4;
  EXPECT_EQ(
      make_launch_plan(config, kCommand, slurm_of(8, 2), kFourCores).argv[0],
      "srun");
  expect_error<ConfigError>(
      [&] {
        (void)make_launch_plan(config, kCommand, slurm_of(8, 1), kFourCores);
      },
      {"'gpus-per-node' is 4", "8 ranks"});
}

TEST(LaunchPlanTest, MarksTheRanksOfAJob) {
  HostFacts host = kFourCores;
  host.job_token = "0123";
  const LaunchPlan plan = make_launch_plan(config_of(2), kCommand, {}, host);
  EXPECT_TRUE(contains(plan.argv, "VOXLIFT_JOB_TOKEN"));
  EXPECT_TRUE(contains(make_environment({}, plan), "VOXLIFT_JOB_TOKEN=0123"));
}

TEST(LaunchPlanTest, SharesTheCoresAmongRanks) {
  const auto threads = [](int64_t ranks, int64_t given) {
    LaunchConfig config = config_of(ranks);
    config.threads_per_rank = given;
    return make_launch_plan(config, kCommand, {}, kFourCores)
        .env.front()
        .second;
  };
  EXPECT_EQ(threads(2, 0), "2");
  EXPECT_EQ(threads(9, 0), "1");
  EXPECT_EQ(threads(9, 3), "3");
}

TEST(LaunchPlanTest, CleansTheEnvironmentOfAnOuterRun) {
  const LaunchPlan plan =
      make_launch_plan(config_of(2), kCommand, {}, kFourCores);
  const Words current = {"PATH=/bin",
                         "PMIX_RANK=1",
                         "OMPI_COMM_WORLD_SIZE=4",
                         "OMPI_MCA_orte_ess_num_procs=2",
                         "OMPI_MCA_ess=pmi",
                         "OMPI_MCA_btl=self,tcp",
                         "OMPI_MCA_orte_tmpdir_base=/scratch",
                         "OMPI_ALLOW_RUN_AS_ROOT=1",
                         "OMPI_MCA_mpi_yield_when_idle=0",
                         "OMP_NUM_THREADS=64"};
  const Words environment = make_environment(current, plan);
  for (const char* gone :
       {"PMIX_RANK=1", "OMPI_COMM_WORLD_SIZE=4", "OMPI_MCA_ess=pmi",
        "OMPI_MCA_orte_ess_num_procs=2", "OMP_NUM_THREADS=64"}) {
    EXPECT_FALSE(contains(environment, gone)) << gone;
  }
  for (const char* kept :
       {"PATH=/bin", "OMPI_MCA_btl=self,tcp",
        "OMPI_MCA_orte_tmpdir_base=/scratch", "OMPI_ALLOW_RUN_AS_ROOT=1",
        "OMPI_MCA_mpi_yield_when_idle=0", "OMP_NUM_THREADS=2",
        "OMPI_MCA_oob_tcp_keepalive_time=2"}) {
    EXPECT_TRUE(contains(environment, kept)) << kept;
  }
  EXPECT_FALSE(contains(environment, "OMPI_MCA_mpi_yield_when_idle=1"));
}

TEST(LaunchPlanTest, WatchesTheOutputFolderOfTheCommand) {
  EXPECT_EQ(watched_dir({}, Words{"train", "--out", "a"}), "a");
  EXPECT_EQ(watched_dir({}, Words{"train", "--out=b"}), "b");
  EXPECT_EQ(watched_dir({}, Words{"train", "--run.out", "d"}), "d");
  EXPECT_EQ(watched_dir({}, Words{"train", "--run.out=e"}), "e");
  EXPECT_EQ(watched_dir({}, Words{"train"}), "");
  LaunchConfig config;
  config.watch = "c";
  EXPECT_EQ(watched_dir(config, Words{"train", "--out", "a"}), "c");
}

TEST(LaunchPlanTest, GivesItsFaultToTheCommand) {
  LaunchConfig config;
  const Words train = {"train", "--run.out", "x"};
  EXPECT_EQ(with_fault(config, train), train);
  config.fault = "kill@step=3,rank=1";
  EXPECT_EQ(
      with_fault(config, train),
      (Words{"train", "--run.out", "x", "--run.fault", "kill@step=3,rank=1"}));
  expect_error<ConfigError>(
      [&] { with_fault(config, {"pack"}); },
      {"option 'fault' is for the command train, not 'pack'"});
  expect_error<ConfigError>(
      [&] {
        with_fault(config, {"train", "--fault", "hang@step=1,rank=0"});
      },
      {"'kill@step=3,rank=1' and the command's --fault: give one of them"});
}

TEST(LaunchPlanTest, DescribesItselfForAShell) {
  const LaunchPlan plan =
      make_launch_plan(config_of(1), {"/opt/voxlift", "it's"}, {}, kFourCores);
  const std::string text = describe(plan);
  EXPECT_NE(text.find("OMP_NUM_THREADS=4 \\\n"), std::string::npos) << text;
  EXPECT_NE(text.find("/opt/voxlift 'it'\\''s'\n"), std::string::npos) << text;
}

TEST(LaunchPlanTest, AsksForTheNumberOfRanks) {
  expect_error<ConfigError>([] { (void)num_ranks({}, {}); }, {"-n N", "SLURM"});
  EXPECT_EQ(num_ranks({}, slurm_of(6, 2)), 6);
  EXPECT_EQ(num_ranks(config_of(3), slurm_of(6, 2)), 3);
}

TEST(LaunchConfigTest, NamesAFieldOutOfRange) {
  LaunchConfig config = config_of(-2);
  expect_error<ConfigError>([&] { config.validate(); },
                            {"'ranks'", "-2", "at least 0"});
  config = config_of(1);
  config.bind = "socket";
  expect_error<ConfigError>([&] { config.validate(); },
                            {"'bind'", "'socket'", "none, core, numa"});
  config = config_of(1);
  config.end_time = "soon";
  expect_error<ConfigError>([&] { config.validate(); },
                            {"'end-time'", "'soon'", "auto, none"});
  config = config_of(1);
  config.grace_s = -1.0;
  expect_error<ConfigError>([&] { config.validate(); }, {"'grace'", "-1"});
}

}  // namespace
}  // namespace voxlift::launcher
