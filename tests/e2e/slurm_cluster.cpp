#include "tests/e2e/slurm_cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/strings.h"
#include "tests/support/child_process.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace voxlift::test {
namespace {

std::string script(const std::string& name) {
  return shared_data("slurm-sim/" + name);
}

std::string quoted(const std::string& word) {
  return "'" + word + "'";
}

// Asking takes a process each time.
void pause_between_questions() {
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
}

std::string without_newline(std::string text) {
  while (text.ends_with('\n')) {
    text.pop_back();
  }
  return text;
}

}  // namespace

std::string SlurmCluster::missing() {
  if (script("start-slurm.sh").empty()) {
    return shared_data_missing("slurm-sim/start-slurm.sh");
  }
  std::vector<std::string> names;
  for (const std::string program :
       {"munged", "slurmctld", "slurmd", "sbatch", "srun"}) {
    if (run_program(
            {"bash", "-c", "PATH=$PATH:/usr/sbin:/sbin command -v " + program})
            .exit_code != 0) {
      names.push_back(program);
    }
  }
  return names.empty() ? ""
                       : str_cat("no ", str_join(names, ", "),
                                 " (Debian packages slurm-wlm and munge)");
}

SlurmCluster::SlurmCluster(std::string dir) : dir_(std::move(dir)) {
  // A node is taken for dead after 4 s of silence.
  const ChildResult result =
      run_program({script("start-slurm.sh"), "-d", dir_, "-t", "4"});
  if (result.exit_code != 0) {
    problem_ = result.err;
  }
}

SlurmCluster::~SlurmCluster() {
  run_program({script("stop-slurm.sh"), "-d", dir_});
}

bool SlurmCluster::has_real_nodes() const {
  return read_text(dir_ + "/sim.conf").find("SIM_MODE=netns") !=
         std::string::npos;
}

std::string SlurmCluster::shell(const std::string& text) const {
  const ChildResult result =
      run_program({"bash", "-c", str_cat(". ", dir_, "/env.sh\n", text)});
  EXPECT_EQ(result.exit_code, 0) << text << "\n" << result.err;
  return without_newline(result.out);
}

std::string SlurmCluster::submit(const std::vector<std::string>& words) const {
  std::vector<std::string> argv = {"sbatch", "--parsable"};
  std::transform(words.begin(), words.end(), std::back_inserter(argv), quoted);
  return shell(str_join(argv, " "));
}

std::string SlurmCluster::state(const std::string& job) const {
  return value(job, "JobState");
}

std::string SlurmCluster::value(const std::string& job,
                                const std::string& key) const {
  return shell(str_cat("scontrol --oneliner show job ", job,
                       " | tr ' ' '\\n' | sed -n 's/^", key,
                       "=//p' | head -n 1"));
}

bool SlurmCluster::wait_restarts(const std::string& job, int restarts,
                                 double timeout_s) const {
  return eventually(
      [&] {
        pause_between_questions();
        return std::stoi(value(job, "Restarts")) >= restarts &&
               state(job) != "COMPLETING";
      },
      timeout_s);
}

std::string SlurmCluster::wait_end(const std::string& job,
                                   double timeout_s) const {
  std::string now;
  eventually(
      [&] {
        pause_between_questions();
        now = state(job);
        return now != "PENDING" && now != "RUNNING" && now != "COMPLETING";
      },
      timeout_s);
  return now;
}

void SlurmCluster::preempt() const {
  submit({"-p", "high", "-N4", "--exclusive", "-o", "/dev/null", "--wrap",
          "sleep 1"});
}

void SlurmCluster::crash(const std::string& node) const {
  shell(str_cat(script("node-ctl.sh"), " -d ", dir_, " crash ", node));
}

}  // namespace voxlift::test
