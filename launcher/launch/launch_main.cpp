// voxlift-launch: starts, watches and restarts the ranks of a command.

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "launcher/cli/command.h"
#include "launcher/config_file.h"
#include "launcher/launch/command_output.h"
#include "launcher/launch/job_token.h"
#include "launcher/launch/launch_plan.h"
#include "launcher/launch/slurm_answers.h"
#include "launcher/launch/start_planner.h"
#include "launcher/launch/supervisor.h"

namespace voxlift::launcher {
namespace {

constexpr const char* kName = "voxlift-launch";

void bind_places(OptionBinder& binder, LaunchConfig& config) {
  binder.add("starter", config.starter,
             "in a SLURM job: srun, mpirun or auto (srun if it has PMIx)");
  binder.add("bind", config.bind, "ranks are bound to: none, core or numa");
  binder.add("interface", config.interfaces,
             "network interfaces for the ranks' traffic, such as ib0,ib1");
  binder.add("gpus-per-node", config.gpus_per_node,
             "refuse more ranks than this on a node; 0: do not look");
  binder.add("min-ranks", config.min_ranks,
             "leave out lost hosts while so many ranks can run; 0: never");
  binder.add("end-time", config.end_time,
             "end of the allocation: seconds since 1970, auto or none");
  binder.add("fault", config.fault,
             "make train fail: kill@step=7,rank=1;... (docs/failures.md)");
  binder.add("end-job", config.end_job,
             "only kill what the launch of this token has left here");
}

OptionBinder bind_options(LaunchConfig& config) {
  OptionBinder binder(kName, false);
  binder.add("ranks", config.ranks,
             "ranks to start (-n); 0: SLURM's number of tasks");
  binder.add("hostfile", config.hostfile, "Open MPI hostfile");
  binder.add("rsh-agent", config.rsh_agent, "reaches other hosts (ssh)");
  binder.add("max-restarts", config.max_restarts,
             "restarts in a row without a new checkpoint");
  binder.add("grace", config.grace_s, "seconds to checkpoint when stopped");
  binder.add("stall", config.stall_s,
             "seconds without progress before a restart; 0: never");
  binder.add("backoff", config.backoff_s,
             "seconds before the first restart, doubling");
  binder.add("log-dir", config.log_dir, "folder of one log a rank");
  binder.add("threads-per-rank", config.threads_per_rank,
             "threads of a rank; 0: cores / ranks");
  binder.add("watch", config.watch,
             "folder of the checkpoints (the command's --run.out)");
  binder.add("program", config.program,
             "program of the ranks (the voxlift beside this one)");
  binder.add("dry-run", config.dry_run, "show what would be started");
  bind_places(binder, config);
  return binder;
}

void print_help(const OptionBinder& binder) {
  std::cout
      << kName << ": starts, watches and restarts the ranks of a command\n\n"
      << "usage: " << kName << " -n N [OPTIONS] -- COMMAND [ARGUMENTS]\n\n"
      << "Inside a SLURM job the ranks are started by srun, elsewhere by "
         "mpirun.\nTERM, INT, HUP, USR1 and USR2 ask the ranks to checkpoint "
         "and stop (exit 75).\nA lost rank restarts all from the newest "
         "checkpoint (docs/errors.md).\n\noptions [default]:\n";
  binder.print_help(std::cout);
  std::cout << "\nexamples:\n"
            << "  " << kName << " -n 2 -- train --config pretrain.cfg\n"
            << "  " << kName << " -n 8 --hostfile hosts --min-ranks 2 -- "
            << "train --config pretrain.cfg\n";
}

// Everything after "--" is the command; "-n" is "--ranks".
struct SplitArgs {
  std::vector<std::string> options;
  std::vector<std::string> command;
};

SplitArgs split_args(std::span<const std::string> args) {
  const auto separator = std::find(args.begin(), args.end(), "--");
  SplitArgs split;
  split.options.assign(args.begin(), separator);
  std::replace(split.options.begin(), split.options.end(), std::string("-n"),
               std::string("--ranks"));
  if (separator != args.end()) {
    split.command.assign(separator + 1, args.end());
  }
  return split;
}

std::string own_dir() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
}

std::string ranks_program(const LaunchConfig& config) {
  std::string program =
      config.program.empty() ? join_path(own_dir(), "voxlift") : config.program;
  if (::access(program.c_str(), X_OK) != 0) {
    throw ConfigError(str_cat("cannot run the program '", program,
                              "': ", std::strerror(errno)));
  }
  return program;
}

HostFacts this_host() {
  return {.num_cores = std::max(1U, std::thread::hardware_concurrency()),
          .is_root = ::geteuid() == 0,
          .job_token = make_job_token()};
}

void say(const std::string& line) {
  std::cerr << str_cat(kName, ": ", line, "\n");
}

bool srun_has_pmix() {
  constexpr double kAnswerS = 10.0;
  const auto output = run_command({"srun", "--mpi=list"}, kAnswerS);
  return output && !pmix_plugins(output->text).empty();
}

// When SLURM takes the nodes back; 0: never, or it does not say.
int64_t end_of_slurm_job(const ClusterEnv& cluster) {
  constexpr double kAnswerS = 10.0;
  if (!cluster.in_slurm || cluster.slurm_end_time > 0) {
    return cluster.slurm_end_time;
  }
  return parse_slurm_time(answer_of({"squeue", "--noheader", "--jobs",
                                     cluster.slurm_job, "--format", "%e"},
                                    kAnswerS)
                              .value_or(""));
}

// Tells `train` when the allocation ends, unless the command says it itself.
void add_end_time(const LaunchConfig& config, const ClusterEnv& cluster,
                  std::vector<std::string>* command) {
  const std::string option = "--run.end_time";
  const bool given = std::any_of(
      command->begin(), command->end(),
      [&](const std::string& word) { return word.starts_with(option); });
  if (command->front() != "train" || given || config.end_time == "none") {
    return;
  }
  const int64_t end_time = config.end_time == "auto"
                               ? end_of_slurm_job(cluster)
                               : parse_int(config.end_time).value_or(0);
  if (end_time > 0) {
    command->insert(command->end(), {option, std::to_string(end_time)});
  }
}

void check(const LaunchConfig& config, const SplitArgs& split,
           const std::string& watched) {
  config.validate();
  if (split.command.empty()) {
    throw ConfigError("no command: give it after \"--\" (-- train ...)");
  }
  if (config.stall_s > 0.0 && watched.empty()) {
    throw ConfigError(
        "option 'stall' needs a folder to watch: give --watch DIR");
  }
}

int launch_ranks(const LaunchConfig& config, const ClusterEnv& cluster,
                 const std::string& watched, bool trains,
                 StartPlanner& planner) {
  if (!config.log_dir.empty()) {
    RealFiles().make_dirs(config.log_dir);
  }
  SignalWatch signals;
  const RealClock clock;
  Supervisor supervisor(config, watched, signals, clock, say);
  if (cluster.in_slurm && trains && !watched.empty()) {
    supervisor.set_done_marker(join_path(watched, "result.json"));
  }
  return supervisor.run(planner);
}

int launch(std::span<const std::string> args) {
  SplitArgs split = split_args(args);
  LaunchConfig config;
  OptionBinder binder = bind_options(config);
  if (wants_help(split.options)) {
    print_help(binder);
    return 0;
  }
  binder.parse(split.options);
  if (!config.end_job.empty()) {
    std::cout << end_job(config.end_job) << "\n";
    return 0;
  }
  const std::string watched = watched_dir(config, split.command);
  check(config, split, watched);
  const ClusterEnv cluster = read_cluster_env(process_env());
  const bool trains = split.command.front() == "train";
  split.command = with_fault(config, split.command);
  add_end_time(config, cluster, &split.command);
  split.command.insert(split.command.begin(), ranks_program(config));
  HostFacts host = this_host();
  host.srun_has_pmix = !cluster.in_slurm || srun_has_pmix();
  StartPlanner planner(config, split.command, cluster, host, say);
  if (config.dry_run) {
    std::cout << describe(planner.plan());
    return 0;
  }
  std::string why;
  uses_srun(config, cluster, host, &why);
  say(why);
  return launch_ranks(config, cluster, watched, trains, planner);
}

}  // namespace
}  // namespace voxlift::launcher

int main(int argc, char** argv) {
  using namespace voxlift::launcher;  // NOLINT(google-build-using-namespace)
  const std::vector<std::string> args = arguments_of(argc, argv);
  if (args.size() == 1 && args[0] == "--version") {
    std::cout << kName << " " << version() << "\n";
    return 0;
  }
  return run_guarded(kName, [&] { return launch(args); });
}
