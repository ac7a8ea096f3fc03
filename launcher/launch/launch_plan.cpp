#include "launcher/launch/launch_plan.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "base/strings.h"
#include "launcher/launch/job_token.h"

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

void check_one_of(const char* name, const std::string& value,
                  std::initializer_list<const char*> words) {
  const std::vector<std::string> known(words.begin(), words.end());
  if (std::find(known.begin(), known.end(), value) == known.end()) {
    throw ConfigError(str_cat("option '", name, "' is '", value,
                              "', expected one of ", str_join(known, ", ")));
  }
}

void add_mpi_settings(const LaunchConfig& config, LaunchPlan& plan) {
  // With more ranks than cores a waiting rank must give its core away; bound
  // ranks would share one.
  plan.env_defaults.emplace_back("OMPI_MCA_mpi_yield_when_idle", "1");
  if (config.bind == "none") {
    plan.env_defaults.emplace_back("OMPI_MCA_hwloc_base_binding_policy",
                                   "none");
  }
  if (!config.interfaces.empty()) {
    const std::string names = str_join(config.interfaces, ",");
    plan.env.emplace_back("OMPI_MCA_btl_tcp_if_include", names);
    plan.env.emplace_back("OMPI_MCA_oob_tcp_if_include", names);
    plan.env.emplace_back("NCCL_SOCKET_IFNAME", names);
  }
}

void add(std::vector<std::string>& argv, std::vector<std::string> words) {
  argv.insert(argv.end(), words.begin(), words.end());
}

void add_srun_binding(const std::string& bind, LaunchPlan& plan) {
  if (bind != "none") {
    plan.argv.push_back(bind == "core" ? "--cpu-bind=cores"
                                       : "--cpu-bind=ldoms");
  }
}

void add_mpirun_binding(const LaunchConfig& config, int64_t threads,
                        LaunchPlan& plan) {
  if (config.bind == "core") {
    add(plan.argv,
        {"--map-by", str_cat("slot:PE=", threads), "--bind-to", "core"});
  } else if (config.bind == "numa") {
    add(plan.argv, {"--map-by", "numa", "--bind-to", "numa"});
  }
}

void check_gpus(const LaunchConfig& config, int64_t ranks_here) {
  if (config.gpus_per_node > 0 && ranks_here > config.gpus_per_node) {
    throw ConfigError(str_cat("option 'gpus-per-node' is ",
                              config.gpus_per_node, ", but ", ranks_here,
                              " ranks would run on a node"));
  }
}

LaunchPlan plan_srun(const LaunchConfig& config, const ClusterEnv& cluster,
                     const HostFacts& host, int64_t ranks) {
  LaunchPlan plan;
  plan.argv = {"srun", "--mpi=pmix", "--kill-on-bad-exit=1", "--overlap",
               str_cat("--ntasks=", ranks)};
  const int nodes = cluster.slurm_num_nodes;
  if (nodes > 0 && ranks % nodes == 0) {
    plan.argv.push_back(str_cat("--ntasks-per-node=", ranks / nodes));
  }
  if (!host.only_nodes.empty()) {
    add(plan.argv, {str_cat("--nodes=", host.only_nodes.size()),
                    "--nodelist=" + str_join(host.only_nodes, ",")});
  }
  // srun does not take it over from sbatch.
  if (cluster.slurm_cpus_per_task > 0) {
    plan.argv.push_back(
        str_cat("--cpus-per-task=", cluster.slurm_cpus_per_task));
  }
  add_srun_binding(config.bind, plan);
  if (!config.log_dir.empty()) {
    plan.argv.push_back(str_cat("--output=", config.log_dir, "/rank.%t.log"));
  }
  add_mpi_settings(config, plan);
  // SLURM's other fences lose a race in MPI_Init now and then.
  plan.env_defaults.emplace_back("SLURM_PMIX_FENCE", "ring");
  return plan;
}

// What says how many ranks go where.
void add_mpirun_places(const LaunchConfig& config, const ClusterEnv& cluster,
                       const HostFacts& host, int64_t ranks, LaunchPlan& plan) {
  if (!config.hostfile.empty()) {
    add(plan.argv, {"--hostfile", config.hostfile});
  } else if (!host.only_nodes.empty()) {
    add(plan.argv, {"--host", str_join(host.only_nodes, ",")});
  } else if (!cluster.in_slurm && ranks > host.num_cores) {
    plan.argv.emplace_back("--oversubscribe");
  }
  const int nodes = cluster.in_slurm ? cluster.slurm_num_nodes : 0;
  if (nodes > 0 && ranks % nodes == 0 && config.bind == "none") {
    add(plan.argv, {"--map-by", str_cat("ppr:", ranks / nodes, ":node")});
  }
}

void add_mpirun_settings(const LaunchConfig& config, const ClusterEnv& cluster,
                         LaunchPlan& plan) {
  add_mpi_settings(config, plan);
  // A host that has gone silent is noticed after 5 s instead of 480.
  plan.env_defaults.emplace_back("OMPI_MCA_oob_tcp_keepalive_time", "2");
  plan.env_defaults.emplace_back("OMPI_MCA_oob_tcp_keepalive_intvl", "1");
  plan.env_defaults.emplace_back("OMPI_MCA_oob_tcp_keepalive_probes", "3");
  if (cluster.in_slurm) {
    // mpirun's own srun must not wait for a dying step.
    plan.env_defaults.emplace_back("SLURM_OVERLAP", "1");
  }
}

LaunchPlan plan_mpirun(const LaunchConfig& config, const ClusterEnv& cluster,
                       const HostFacts& host, int64_t ranks, int64_t threads) {
  LaunchPlan plan;
  plan.argv = {"mpirun", "-n", std::to_string(ranks)};
  if (host.is_root) {
    plan.argv.emplace_back("--allow-run-as-root");
  }
  add_mpirun_places(config, cluster, host, ranks, plan);
  add_mpirun_binding(config, threads, plan);
  if (!config.rsh_agent.empty()) {
    add(plan.argv, {"--mca", "plm_rsh_agent", config.rsh_agent});
  }
  if (!config.log_dir.empty()) {
    add(plan.argv, {"--output-filename", config.log_dir});
  }
  // Other hosts get no variable that is not named.
  add(plan.argv, {"-x", "OMP_NUM_THREADS"});
  if (!config.interfaces.empty()) {
    add(plan.argv, {"-x", "NCCL_SOCKET_IFNAME"});
  }
  if (!host.job_token.empty()) {
    add(plan.argv, {"-x", kJobTokenVariable});
  }
  add_mpirun_settings(config, cluster, plan);
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
  check_at_least("gpus-per-node", static_cast<double>(gpus_per_node), 0);
  check_at_least("min-ranks", static_cast<double>(min_ranks), 0);
  check_one_of("starter", starter, {"auto", "srun", "mpirun"});
  check_one_of("bind", bind, {"none", "core", "numa"});
  const std::optional<int64_t> seconds = parse_int(end_time);
  if (end_time != "auto" && end_time != "none" && (!seconds || *seconds < 1)) {
    throw ConfigError(str_cat("option 'end-time' is '", end_time,
                              "', expected auto, none or seconds since 1970"));
  }
}

std::vector<std::string> with_fault(const LaunchConfig& config,
                                    std::vector<std::string> command) {
  if (config.fault.empty()) {
    return command;
  }
  if (command.front() != "train") {
    throw ConfigError(str_cat("option 'fault' is for the command train, not '",
                              command.front(), "'"));
  }
  for (const std::string& word : command) {
    if (word.starts_with("--fault") || word.starts_with("--run.fault")) {
      throw ConfigError(str_cat("option 'fault' = '", config.fault,
                                "' and the command's ", word,
                                ": give one of them"));
    }
  }
  command.insert(command.end(), {"--run.fault", config.fault});
  return command;
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

bool uses_srun(const LaunchConfig& config, const ClusterEnv& cluster,
               const HostFacts& host, std::string* why) {
  std::string reason;
  bool srun = false;
  if (!config.hostfile.empty()) {
    reason = "a hostfile is given";
  } else if (!cluster.in_slurm) {
    reason = "this is no SLURM job";
  } else if (config.starter != "auto") {
    srun = config.starter == "srun";
    reason = "option 'starter' says so";
  } else {
    srun = host.srun_has_pmix;
    reason = srun ? "a SLURM job, and srun has PMIx"
                  : "a SLURM job, but srun has no PMIx plugin";
  }
  if (why != nullptr) {
    *why = str_cat("the ranks are started by ",
                   srun ? "srun --mpi=pmix" : "mpirun", ": ", reason);
  }
  return srun;
}

LaunchPlan make_launch_plan(const LaunchConfig& config,
                            const std::vector<std::string>& command,
                            const ClusterEnv& cluster, const HostFacts& host) {
  const int64_t ranks = num_ranks(config, cluster);
  const bool by_job = cluster.in_slurm && config.hostfile.empty();
  const int64_t nodes =
      by_job ? std::max(1, cluster.slurm_num_nodes) : int64_t{1};
  const int64_t ranks_here = (ranks + nodes - 1) / nodes;
  check_gpus(config, ranks_here);
  const int64_t threads = threads_of_rank(config, ranks_here, host);
  LaunchPlan plan = uses_srun(config, cluster, host)
                        ? plan_srun(config, cluster, host, ranks)
                        : plan_mpirun(config, cluster, host, ranks, threads);
  plan.env.insert(plan.env.begin(),
                  {"OMP_NUM_THREADS", std::to_string(threads)});
  if (!host.job_token.empty()) {
    plan.env.emplace_back(kJobTokenVariable, host.job_token);
  }
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
