#include "launcher/launch/launch_plan.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::launcher {
namespace {

void check_at_least(const char* name, double value, double low) {
  if (!(value >= low)) {
    throw ConfigError(
        str_cat("option '", name, "' is ", value, ", expected at least ", low));
  }
}

int64_t threads_of_rank(const LaunchConfig& config, int64_t ranks_here,
                        const HostFacts& host) {
  return config.threads_per_rank > 0
             ? config.threads_per_rank
             : std::max<int64_t>(1, host.num_cores / ranks_here);
}

void add_mpi_settings(LaunchPlan& plan) {
  // With more ranks than cores a waiting rank must give its core away; bound
  // ranks would share one.
  plan.env_defaults.emplace_back("OMPI_MCA_mpi_yield_when_idle", "1");
  plan.env_defaults.emplace_back("OMPI_MCA_hwloc_base_binding_policy", "none");
}

LaunchPlan plan_srun(const LaunchConfig& config, const ClusterEnv& cluster,
                     int64_t ranks) {
  LaunchPlan plan;
  plan.argv = {"srun", "--mpi=pmix", "--kill-on-bad-exit=1", "--overlap",
               str_cat("--ntasks=", ranks)};
  const int nodes = cluster.slurm_num_nodes;
  if (nodes > 0 && ranks % nodes == 0) {
    plan.argv.push_back(str_cat("--ntasks-per-node=", ranks / nodes));
  }
  if (!config.log_dir.empty()) {
    plan.argv.push_back(str_cat("--output=", config.log_dir, "/rank.%t.log"));
  }
  add_mpi_settings(plan);
  // SLURM's other fences lose a race in MPI_Init now and then.
  plan.env_defaults.emplace_back("SLURM_PMIX_FENCE", "ring");
  return plan;
}

LaunchPlan plan_mpirun(const LaunchConfig& config, int64_t ranks,
                       const HostFacts& host) {
  LaunchPlan plan;
  plan.argv = {"mpirun", "-n", std::to_string(ranks)};
  if (host.is_root) {
    plan.argv.emplace_back("--allow-run-as-root");
  }
  if (!config.hostfile.empty()) {
    plan.argv.insert(plan.argv.end(), {"--hostfile", config.hostfile});
  } else if (ranks > host.num_cores) {
    plan.argv.emplace_back("--oversubscribe");
  }
  if (!config.rsh_agent.empty()) {
    plan.argv.insert(plan.argv.end(),
                     {"--mca", "plm_rsh_agent", config.rsh_agent});
  }
  if (!config.log_dir.empty()) {
    plan.argv.insert(plan.argv.end(), {"--output-filename", config.log_dir});
  }
  // Other hosts get no variable that is not named.
  plan.argv.insert(plan.argv.end(), {"-x", "OMP_NUM_THREADS"});
  add_mpi_settings(plan);
  // A host that has gone silent is noticed after 5 s instead of 480.
  plan.env_defaults.emplace_back("OMPI_MCA_oob_tcp_keepalive_time", "2");
  plan.env_defaults.emplace_back("OMPI_MCA_oob_tcp_keepalive_intvl", "1");
  plan.env_defaults.emplace_back("OMPI_MCA_oob_tcp_keepalive_probes", "3");
  return plan;
}

// Set by mpirun or srun for the ranks that they have started. A nested mpirun
// that sees them believes to be one of those ranks. The user's own settings
// (OMPI_MCA_btl, OMPI_ALLOW_RUN_AS_ROOT, ...) stay.
bool belongs_to_outer_run(std::string_view name) {
  constexpr std::array<std::string_view, 12> kPrefixes = {
      "PMIX_",
      "PMI_",
      "OMPI_MCA_ess",
      "OMPI_MCA_pmix",
      "OMPI_MCA_initial_wdir",
      "OMPI_MCA_shmem_RUNTIME",
      "OMPI_MCA_orte_ess",
      "OMPI_MCA_orte_hnp",
      "OMPI_MCA_orte_local",
      "OMPI_MCA_orte_jobfam",
      "OMPI_MCA_orte_precondition",
      "OMPI_MCA_orte_num"};
  if (name.starts_with("OMPI_") && !name.starts_with("OMPI_MCA_") &&
      !name.starts_with("OMPI_ALLOW_")) {
    return true;
  }
  return std::any_of(
      kPrefixes.begin(), kPrefixes.end(),
      [name](std::string_view p) { return name.starts_with(p); });
}

std::string shell_quoted(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
      "_-+=./:,%@";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
    return word;
  }
  std::string quoted = "'";
  for (const char c : word) {
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return quoted + "'";
}

}  // namespace

void LaunchConfig::validate() const {
  check_at_least("ranks", static_cast<double>(ranks), 0);
  check_at_least("max-restarts", static_cast<double>(max_restarts), 0);
  check_at_least("grace", grace_s, 0);
  check_at_least("stall", stall_s, 0);
  check_at_least("backoff", backoff_s, 0);
  check_at_least("threads-per-rank", static_cast<double>(threads_per_rank), 0);
}

int64_t num_ranks(const LaunchConfig& config, const ClusterEnv& cluster) {
  const int64_t ranks =
      config.ranks > 0 ? config.ranks : cluster.slurm_num_tasks;
  if (ranks < 1) {
    throw ConfigError(
        "option 'ranks' is needed (-n N): there is no SLURM job that says how "
        "many");
  }
  return ranks;
}

LaunchPlan make_launch_plan(const LaunchConfig& config,
                            const std::vector<std::string>& command,
                            const ClusterEnv& cluster, const HostFacts& host) {
  const int64_t ranks = num_ranks(config, cluster);
  const bool use_srun = cluster.in_slurm && config.hostfile.empty();
  LaunchPlan plan = use_srun ? plan_srun(config, cluster, ranks)
                             : plan_mpirun(config, ranks, host);
  const int64_t nodes =
      use_srun ? std::max(1, cluster.slurm_num_nodes) : int64_t{1};
  const int64_t ranks_here = (ranks + nodes - 1) / nodes;
  plan.env.emplace_back("OMP_NUM_THREADS", std::to_string(threads_of_rank(
                                               config, ranks_here, host)));
  plan.argv.insert(plan.argv.end(), command.begin(), command.end());
  return plan;
}

std::vector<std::string> make_environment(std::span<const std::string> current,
                                          const LaunchPlan& plan) {
  std::vector<std::string> environment;
  const auto has = [&](const std::string& name) {
    return std::any_of(environment.begin(), environment.end(),
                       [&](const std::string& entry) {
                         return entry.starts_with(name + "=");
                       });
  };
  for (const std::string& entry : current) {
    if (!belongs_to_outer_run(
            std::string_view(entry).substr(0, entry.find('=')))) {
      environment.push_back(entry);
    }
  }
  for (const auto& [name, value] : plan.env) {
    std::erase_if(environment, [&, prefix = name + "="](const auto& entry) {
      return entry.starts_with(prefix);
    });
    environment.push_back(str_cat(name, "=", value));
  }
  for (const auto& [name, value] : plan.env_defaults) {
    if (!has(name)) {
      environment.push_back(str_cat(name, "=", value));
    }
  }
  return environment;
}

std::string describe(const LaunchPlan& plan) {
  std::string text;
  for (const auto& [name, value] : plan.env_defaults) {
    text += str_cat(name, "=", shell_quoted(value), " \\\n");
  }
  for (const auto& [name, value] : plan.env) {
    text += str_cat(name, "=", shell_quoted(value), " \\\n");
  }
  std::vector<std::string> words;
  std::transform(plan.argv.begin(), plan.argv.end(), std::back_inserter(words),
                 shell_quoted);
  return text + str_join(words, " ") + "\n";
}

std::string watched_dir(const LaunchConfig& config,
                        std::span<const std::string> command) {
  if (!config.watch.empty()) {
    return config.watch;
  }
  for (size_t i = 0; i < command.size(); ++i) {
    for (const std::string option : {"--run.out", "--out"}) {
      if (command[i] == option && i + 1 < command.size()) {
        return command[i + 1];
      }
      if (command[i].starts_with(option + "=")) {
        return command[i].substr(option.size() + 1);
      }
    }
  }
  return {};
}

}  // namespace voxlift::launcher
