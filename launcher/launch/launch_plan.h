#pragma once
// How the ranks are started: the command line and the environment of mpirun or
// srun. Pure; --dry-run shows it.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "launcher/launch/cluster_env.h"

namespace voxlift::launcher {

struct LaunchConfig {
  // Ranks to start; 0: as many as SLURM has tasks.
  int64_t ranks = 0;
  // Open MPI's hostfile ("host slots=N" lines); empty: this machine.
  std::string hostfile;
  // What reaches the other hosts; empty: ssh.
  std::string rsh_agent;
  // Restarts in a row that bring no new checkpoint.
  int64_t max_restarts = 3;
  // How long the ranks may take to write a checkpoint once asked to stop.
  double grace_s = 60.0;
  // Without a change in the watched folder for so long the ranks are ended and
  // started again; 0: never.
  double stall_s = 0.0;
  // Wait before the first restart; doubles with each, up to 30 s.
  double backoff_s = 1.0;
  // Folder of one log a rank; empty: none.
  std::string log_dir;
  // OMP_NUM_THREADS of a rank; 0: cores of this machine / ranks on it.
  int64_t threads_per_rank = 0;
  // Folder whose step_* folders are the checkpoints; empty: the command's
  // --run.out or --out.
  std::string watch;
  // The program of the ranks; empty: the voxlift beside this program.
  std::string program;
  bool dry_run = false;

  void validate() const;  // Throws ConfigError.
};

struct HostFacts {
  int64_t num_cores = 1;
  bool is_root = false;
};

struct LaunchPlan {
  std::vector<std::string> argv;
  // Set where the user has not set them.
  std::vector<std::pair<std::string, std::string>> env_defaults;
  // Set in any case.
  std::vector<std::pair<std::string, std::string>> env;
};

// The number of ranks: --ranks or SLURM's. Throws ConfigError if neither says.
int64_t num_ranks(const LaunchConfig& config, const ClusterEnv& cluster);

// `command` is what the ranks run: the program's path and its arguments.
LaunchPlan make_launch_plan(const LaunchConfig& config,
                            const std::vector<std::string>& command,
                            const ClusterEnv& cluster, const HostFacts& host);

// The environment of the child, "NAME=value": `current` without what an outer
// mpirun or srun step has put there for its own ranks, plus the plan's.
std::vector<std::string> make_environment(std::span<const std::string> current,
                                          const LaunchPlan& plan);

// The plan as shell text, for --dry-run.
std::string describe(const LaunchPlan& plan);

// The folder to watch: config.watch or the command's --run.out or
// --out; empty if neither.
std::string watched_dir(const LaunchConfig& config,
                        std::span<const std::string> command);

}  // namespace voxlift::launcher
