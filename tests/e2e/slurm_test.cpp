// The job scripts of scripts/slurm on a real SLURM.

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <optional>

#include "base/files.h"
#include "base/strings.h"
#include "launcher/launch/progress_stamp.h"
#include "tests/e2e/slurm_cluster.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"

namespace voxlift::test {
namespace {

using Words = std::vector<std::string>;

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

constexpr double kWaitS = 90.0;

std::string job_script(const std::string& name) {
  return str_cat(VOXLIFT_SOURCE, "/scripts/slurm/", name);
}

// Runs are endless until finish_after() says how many steps they have: that
// depends on how fast this machine is. The learning rate is constant, so the
// weights after a step do not depend on the number of steps.
class SlurmTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string missing = SlurmCluster::missing();
    if (!missing.empty()) {
      GTEST_SKIP() << missing;
    }
    ::setenv("VOXLIFT_HOME", VOXLIFT_SOURCE, 1);
    ::setenv("VOXLIFT_BIN", VOXLIFT_BIN, 1);
    cluster_.emplace(temp_.file("slurm"));
    ASSERT_EQ(cluster_->problem(), "");
    make_photographs();
    write_config(1'000'000);
  }

  void make_photographs() const {
    expect_ok({VOXLIFT_BIN "/voxlift", "synth", "photos", "--out",
               temp_.file("photos"), "--classes", "4", "--train-per-class",
               "13", "--val-per-class", "2", "--size", "32"});
    expect_ok(Words{VOXLIFT_BIN "/voxlift"} + pack_args("train"));
  }

  Words pack_args(const std::string& split) const {
    return {"pack",     "--source", temp_.file("photos"),
            "--layout", "imagenet", "--split",
            split,      "--out",    temp_.file(split)};
  }

  static void expect_ok(const Words& argv) {
    const ChildResult result = run_program(argv, {}, kWaitS);
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }

  void write_config(int64_t steps) const {
    temp_.write("run.cfg",
                str_cat("[run]\nepochs = 1000000\nmax_steps = ", steps,
                        "\n[data]\ntrain = ", temp_.file("train"),
                        "\n[batch]\nslots = 4\nslot_batch = 3\n"
                        "[model]\nstem_channels = 8\nbase_channels = 8\n"
                        "[photo]\nimage_size = 32\neval_resize_short = 36\n"
                        "[schedule]\nkind = constant\nlr = 0.02\n"
                        "[checkpoint]\nevery_steps = 10\nkeep = 3\n"
                        "[eval]\nevery_epochs = 0\n"));
  }

  // The run ends `more` steps after its newest checkpoint, from its next start
  // on. Returns the last step.
  int64_t finish_after(const std::string& run, int64_t more) const {
    const std::string newest = launcher::newest_checkpoint(run);
    const int64_t steps = parse_int(newest.substr(5)).value_or(0) + more;
    write_config(steps);
    return steps;
  }

  Words train_args(const std::string& run) const {
    return {"--config", temp_.file("run.cfg"), "--run.out", run};
  }

  // Two ranks on two nodes.
  std::string submit_pretrain(const std::string& run, const Words& options) {
    return cluster_->submit(
        Words{"-N2", "--ntasks-per-node=1", "-o", temp_.file("job.log")} +
        options + Words{job_script("pretrain.sbatch")} + train_args(run));
  }

  // A new checkpoint, beyond `before`.
  static bool wait_checkpoint(const std::string& run,
                              const std::string& before) {
    return eventually([&] { return launcher::newest_checkpoint(run) > before; },
                      kWaitS);
  }

  std::string job_log() const { return read_text(temp_.file("job.log")); }

  int count_in_log(const std::string& words) const {
    int count = 0;
    for (const std::string& line : str_split(job_log(), '\n')) {
      count += line.find(words) != std::string::npos ? 1 : 0;
    }
    return count;
  }

  static std::string weights(const std::string& run, int64_t step) {
    std::string digits = std::to_string(step);
    digits.insert(0, 8 - digits.size(), '0');
    const std::string dir = str_cat(run, "/checkpoints/step_", digits);
    return read_text(dir + "/model.safetensors") +
           read_text(dir + "/optimizer.safetensors");
  }

  // The same run on this machine, one rank, never interrupted.
  void expect_uninterrupted_bits(const std::string& run, int64_t steps) const {
    const std::string whole = temp_.file("whole");
    expect_ok(Words{VOXLIFT_BIN "/voxlift", "train"} + train_args(whole));
    EXPECT_TRUE(weights(run, steps) == weights(whole, steps));
  }

  // For scripts/prove/slurm.sh.
  static void report(const std::string& line) {
    std::cout << "slurm: " << line << std::endl;
  }

  TempDir temp_;
  std::optional<SlurmCluster> cluster_;
};

TEST_F(SlurmTest, PreemptedTwiceAndTimeLimitedItEndsInTheSameBits) {
  const std::string run = temp_.file("run");
  const std::string job =
      submit_pretrain(run, {"--time=1", "--signal=B:USR1@50"});
  std::string newest;
  for (int preemption = 1; preemption <= 2; ++preemption) {
    ASSERT_TRUE(wait_checkpoint(run, newest)) << job_log();
    cluster_->preempt();
    ASSERT_TRUE(cluster_->wait_restarts(job, preemption, kWaitS)) << job_log();
    newest = launcher::newest_checkpoint(run);
  }
  // The limit of one minute strikes 50 s before it is over.
  ASSERT_TRUE(cluster_->wait_restarts(job, 3, kWaitS)) << job_log();
  const int64_t steps = finish_after(run, 12);
  EXPECT_EQ(cluster_->wait_end(job, kWaitS), "COMPLETED") << job_log();
  EXPECT_GE(count_in_log("USR1: stopping"), 3) << job_log();
  expect_uninterrupted_bits(run, steps);
  report(str_cat("preempted twice, time-limited once, ",
                 cluster_->value(job, "Restarts"), " requeues, ", steps,
                 " steps: the uninterrupted run's bits"));
}

TEST_F(SlurmTest, ACrashedNodeIsSurvived) {
  if (!cluster_->has_real_nodes()) {
    GTEST_SKIP() << "nodes that can crash need root";
  }
  const std::string run = temp_.file("run");
  const std::string job = submit_pretrain(run, {});
  ASSERT_TRUE(wait_checkpoint(run, "")) << job_log();
  ASSERT_EQ(cluster_->value(job, "BatchHost"), "n1");
  const double crashed_s = internal::now_s();
  cluster_->crash("n2");
  ASSERT_TRUE(cluster_->wait_restarts(job, 1, kWaitS)) << job_log();
  const int64_t steps = finish_after(run, 12);
  EXPECT_EQ(cluster_->wait_end(job, kWaitS), "COMPLETED") << job_log();
  expect_uninterrupted_bits(run, steps);
  report(str_cat("node crashed, finished ",
                 human_duration(internal::now_s() - crashed_s),
                 " later: the uninterrupted run's bits"));
}

// The allocation outlives its node: the launcher goes on with one rank.
TEST_F(SlurmTest, WithoutKillTheRunGoesOnOnTheNodesThatAreLeft) {
  if (!cluster_->has_real_nodes()) {
    GTEST_SKIP() << "nodes that can crash need root";
  }
  const std::string run = temp_.file("run");
  ::setenv("LAUNCH_OPTIONS", "--min-ranks 1", 1);
  const std::string job = cluster_->submit(
      Words{"-N2", "--ntasks-per-node=1", "-o", temp_.file("job.log"),
            "--no-kill", job_script("pretrain.sbatch")} +
      train_args(run) + Words{"--comm.deadline_s", "3"});
  ::unsetenv("LAUNCH_OPTIONS");
  ASSERT_TRUE(wait_checkpoint(run, "")) << job_log();
  ASSERT_EQ(cluster_->value(job, "BatchHost"), "n1");
  const int64_t steps = finish_after(run, 200);
  cluster_->crash("n2");
  EXPECT_EQ(cluster_->wait_end(job, kWaitS), "COMPLETED") << job_log();
  EXPECT_GE(count_in_log("left out, of 2 hosts: all but n1; starting 1 ranks"),
            1)
      << job_log();
  EXPECT_EQ(cluster_->value(job, "Restarts"), "0");
  expect_uninterrupted_bits(run, steps);
  report("node lost, --no-kill: goes on with fewer ranks, the same bits");
}

TEST_F(SlurmTest, AJobThatCannotBeRequeuedIsFollowedByAnother) {
  const std::string run = temp_.file("run");
  const std::string job = submit_pretrain(run, {"--no-requeue"});
  ASSERT_TRUE(wait_checkpoint(run, "")) << job_log();
  cluster_->shell("scancel --batch --signal=USR1 " + job);
  EXPECT_EQ(cluster_->wait_end(job, kWaitS), "FAILED") << job_log();
  const int64_t steps = finish_after(run, 12);
  const std::string follower = std::to_string(std::stoi(job) + 1);
  EXPECT_EQ(cluster_->wait_end(follower, kWaitS), "COMPLETED") << job_log();
  EXPECT_EQ(count_in_log("job " + follower + " goes on"), 1) << job_log();
  EXPECT_EQ(cluster_->value(follower, "NumNodes"), "2");
  expect_uninterrupted_bits(run, steps);
  report("requeue refused: a follow-up job ends in the same bits");
}

// SLURM ends the job and requeues it by itself: it must not come back twice.
TEST_F(SlurmTest, APreemptionWithoutWarningIsRequeuedOnce) {
  const std::string run = temp_.file("run");
  const std::string job = submit_pretrain(run, {"-p", "now"});
  ASSERT_TRUE(wait_checkpoint(run, "")) << job_log();
  cluster_->preempt();
  ASSERT_TRUE(cluster_->wait_restarts(job, 1, kWaitS)) << job_log();
  const int64_t steps = finish_after(run, 12);
  EXPECT_EQ(cluster_->wait_end(job, kWaitS), "COMPLETED") << job_log();
  EXPECT_EQ(cluster_->value(job, "Restarts"), "1");
  EXPECT_EQ(count_in_log("goes on"), 0) << job_log();
  expect_uninterrupted_bits(run, steps);
  report("preempted without warning: requeued once, the same bits");
}

TEST_F(SlurmTest, ACancelledJobStaysAway) {
  const std::string run = temp_.file("run");
  const std::string job = submit_pretrain(run, {});
  ASSERT_TRUE(wait_checkpoint(run, "")) << job_log();
  cluster_->shell("scancel " + job);
  EXPECT_EQ(cluster_->wait_end(job, kWaitS), "CANCELLED") << job_log();
  EXPECT_EQ(cluster_->value(job, "Restarts"), "0");
  EXPECT_EQ(cluster_->shell("squeue --noheader"), "") << job_log();
}

// SLURM warns nobody here: the ranks know the end themselves.
TEST_F(SlurmTest, TheEndOfTheAllocationIsForeseen) {
  const std::string run = temp_.file("run");
  const std::string job = cluster_->submit(
      Words{"-N2", "--ntasks-per-node=1", "-o", temp_.file("job.log"),
            "--time=1", "--signal=B:USR1@0", job_script("pretrain.sbatch")} +
      train_args(run) + Words{"--run.end_margin_s", "50"});
  ASSERT_TRUE(cluster_->wait_restarts(job, 1, kWaitS)) << job_log();
  const int64_t steps = finish_after(run, 12);
  EXPECT_EQ(cluster_->wait_end(job, kWaitS), "COMPLETED") << job_log();
  EXPECT_GE(count_in_log("could not be saved before run.end_time"), 1)
      << job_log();
  EXPECT_EQ(count_in_log("USR1: stopping"), 0) << job_log();
  expect_uninterrupted_bits(run, steps);
  report("end of the allocation foreseen: the same bits");
}

TEST_F(SlurmTest, ThePipelineRunsThrough) {
  const std::string to = temp_.path();
  write_config(10);
  temp_.write("pipeline.txt",
              str_cat("sbatch -N1 --ntasks-per-node=2 -o ", to, "/%x.log\n",
                      "# side by side\npack --source ", to,
                      "/photos --layout imagenet --split train --out ", to,
                      "/packed\npack --source ", to,
                      "/photos --layout imagenet --split val --out ", to,
                      "/val\npretrain --config ", to, "/run.cfg --data.train ",
                      to, "/packed --run.out ", to, "/a\nfinetune --config ",
                      to, "/run.cfg --init.weights ", to, "/a --run.out ", to,
                      "/b\nevaluate --checkpoint ", to, "/b --data ", to,
                      "/val --json ", to, "/scores.json\n"));
  const std::string lines = cluster_->shell(
      str_cat(job_script("pipeline.sh"), " ", to, "/pipeline.txt"));
  const std::vector<std::string> jobs = str_split(lines, '\n');
  ASSERT_EQ(jobs.size(), 5U) << lines;
  for (const std::string& line : jobs) {
    EXPECT_EQ(cluster_->wait_end(line.substr(0, line.find(' ')), kWaitS),
              "COMPLETED")
        << line;
  }
  EXPECT_NE(read_text(to + "/scores.json").find("top1"), std::string::npos);
  report("pipeline: pack (2 jobs), pretrain, finetune, evaluate done");
}

TEST_F(SlurmTest, AFailedStageClearsThePipeline) {
  temp_.write("pipeline.txt", str_cat("sbatch -N1 -n1 -o ", temp_.path(),
                                      "/%x.log\npretrain --config nothing.cfg\n"
                                      "evaluate --checkpoint x --data y\n"));
  const std::vector<std::string> jobs =
      str_split(cluster_->shell(str_cat(job_script("pipeline.sh"), " ",
                                        temp_.file("pipeline.txt"))),
                '\n');
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(cluster_->wait_end(jobs[0].substr(0, jobs[0].find(' ')), kWaitS),
            "FAILED");
  EXPECT_EQ(cluster_->wait_end(jobs[1].substr(0, jobs[1].find(' ')), kWaitS),
            "CANCELLED");
}

TEST_F(SlurmTest, ASweepRunsEachOptionSet) {
  write_config(10);
  temp_.write("sweep.txt",
              "# rates\n--schedule.lr 0.01\n\n"
              "--schedule.lr 0.03 --run.seed 5\n");
  const std::string run = temp_.file("sweep");
  const std::string job = cluster_->submit(
      Words{"--array=1-3", "-N1", "--ntasks-per-node=1", "-o",
            temp_.file("sweep-%a.log"), job_script("sweep.sbatch"),
            temp_.file("sweep.txt")} +
      train_args(run));
  EXPECT_EQ(cluster_->wait_end(job + "_1", kWaitS), "COMPLETED");
  EXPECT_EQ(cluster_->wait_end(job + "_2", kWaitS), "COMPLETED");
  EXPECT_EQ(cluster_->wait_end(job + "_3", kWaitS), "FAILED");
  EXPECT_NE(read_text(run + "/2/resolved.cfg").find("0.03"), std::string::npos);
  EXPECT_NE(read_text(temp_.file("sweep-3.log")).find("no option set 3"),
            std::string::npos);
}

}  // namespace
}  // namespace voxlift::test
