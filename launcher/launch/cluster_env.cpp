#include "launcher/launch/cluster_env.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::launcher {
namespace {

int number_in(const EnvLookup& lookup, const std::string& name) {
  const std::optional<std::string> text = lookup(name);
  if (!text) {
    return 0;
  }
  const std::optional<int64_t> value = parse_int(*text);
  if (!value || *value < 0 || *value > INT32_MAX) {
    throw ConfigError(str_cat("environment variable ", name, " is '", *text,
                              "', expected a whole number"));
  }
  return static_cast<int>(*value);
}

}  // namespace

EnvLookup process_env() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

ClusterEnv read_cluster_env(const EnvLookup& lookup) {
  ClusterEnv env;
  env.is_mpi_rank = lookup("PMIX_RANK") || lookup("OMPI_COMM_WORLD_SIZE");
  env.num_launched = std::max(number_in(lookup, "SLURM_STEP_NUM_TASKS"),
                              number_in(lookup, "PMI_SIZE"));
  env.in_slurm = lookup("SLURM_JOB_ID").has_value();
  env.slurm_num_tasks = number_in(lookup, "SLURM_NTASKS");
  env.slurm_num_nodes = number_in(lookup, "SLURM_JOB_NUM_NODES");
  env.slurm_restart_count = number_in(lookup, "SLURM_RESTART_COUNT");
  env.slurm_cpus_per_task = number_in(lookup, "SLURM_CPUS_PER_TASK");
  env.slurm_job = lookup("SLURM_JOB_ID").value_or("");
  env.slurm_nodes = lookup("SLURM_JOB_NODELIST").value_or("");
  env.slurm_end_time =
      parse_int(lookup("SLURM_JOB_END_TIME").value_or("")).value_or(0);
  return env;
}

}  // namespace voxlift::launcher
