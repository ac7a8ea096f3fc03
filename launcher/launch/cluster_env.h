#pragma once
// What the environment says about who has started this process. The only
// reader of such variables.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace voxlift::launcher {

// The value of an environment variable; nothing if it is not set.
using EnvLookup =
    std::function<std::optional<std::string>(const std::string& name)>;

// Looks into this process's environment.
EnvLookup process_env();

struct ClusterEnv {
  // mpirun or srun --mpi=pmix has started this process as one of its ranks, so
  // MPI_Init finds its peers. Which rank it is, only MPI knows: under mpirun
  // inside SLURM, SLURM_PROCID is the daemon's.
  bool is_mpi_rank = false;
  // Processes of the srun step or other launch that this one belongs to, as far
  // as the environment says; 0: nothing. More than one without is_mpi_rank
  // means ranks that cannot find each other.
  int num_launched = 0;
  // Inside a SLURM allocation.
  bool in_slurm = false;
  int slurm_num_tasks = 0;  // 0: not said.
  int slurm_num_nodes = 0;
  int slurm_restart_count = 0;
  int slurm_cpus_per_task = 0;   // 0: not said.
  std::string slurm_job = {};    // Its number, as SLURM writes it.
  std::string slurm_nodes = {};  // "n[1-4]".
  // Seconds since 1970 of its end; 0: not said (SLURM before 23.02).
  int64_t slurm_end_time = 0;
};

// Throws ConfigError naming the variable if one is no number.
ClusterEnv read_cluster_env(const EnvLookup& lookup);

}  // namespace voxlift::launcher
