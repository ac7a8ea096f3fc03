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
  // What starts the ranks in a SLURM job: "srun", "mpirun", or "auto": srun
  // where it has a PMIx plugin.
  std::string starter = "auto";
  // What a rank's threads are bound to: "none", "core" (as many as
  // threads_per_rank says) or "numa".
  std::string bind = "none";
  // Network interfaces for the ranks' traffic; empty: the libraries choose.
  std::vector<std::string> interfaces;
  // GPUs of each node, one for each rank at least; 0: not looked at. Which rank
  // gets which one, the ranks decide among themselves.
  int64_t gpus_per_node = 0;
  // Hosts that do not answer are left out as long as so many ranks can run; 0:
  // all hosts are needed.
  int64_t min_ranks = 0;
  // When the allocation ends, for train: seconds since 1970, "auto" (SLURM is
  // asked) or "none".
  std::string end_time = "auto";
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
  // Deliberate failures of train (docs/failures.md); empty: none.
  std::string fault;
  bool dry_run = false;
  // Only end what a launch with this token has left on this host; empty: no.
  std::string end_job;

  void validate() const;  // Throws ConfigError.
};

struct HostFacts {
  int64_t num_cores = 1;
  bool is_root = false;
  // `srun --mpi=list` names PMIx.
  bool srun_has_pmix = true;
  // Of a SLURM job whose other nodes are lost; empty: all.
  std::vector<std::string> only_nodes = {};
  // Marks the ranks, so that they are found again; empty: no mark.
  std::string job_token = {};
};

struct LaunchPlan {
  std::vector<std::string> argv;
  // Set where the user has not set them.
  std::vector<std::pair<std::string, std::string>> env_defaults;
  // Set in any case.
  std::vector<std::pair<std::string, std::string>> env;
};

// The command with the launcher's --fault as its own. Throws ConfigError unless
// it is train, and if it has one already.
std::vector<std::string> with_fault(const LaunchConfig& config,
                                    std::vector<std::string> command);

// The number of ranks: --ranks or SLURM's. Throws ConfigError if neither says.
int64_t num_ranks(const LaunchConfig& config, const ClusterEnv& cluster);

// Are the ranks started by srun, and not by mpirun? `why` gets the reason in
// one line.
bool uses_srun(const LaunchConfig& config, const ClusterEnv& cluster,
               const HostFacts& host, std::string* why = nullptr);

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
