#include "launcher/experiment/experiment_runs.h"

#include <unistd.h>

#include <map>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"
#include "launcher/experiment/experiment_scores.h"
#include "launcher/launch/rank_group.h"
#include "launcher/launch/signal_watch.h"

namespace voxlift::launcher {
namespace {

constexpr const char* kPlanFile = "plan.json";
constexpr const char* kConfigFile = "config.cfg";
constexpr double kPollS = 0.2;

// "name = value" lines; others are left out.
std::map<std::string, std::string> options_of(const std::string& text) {
  std::map<std::string, std::string> options;
  for (const std::string& line : str_split(text, '\n')) {
    const size_t equals = line.find('=');
    if (equals != std::string::npos && !line.starts_with('#')) {
      options[str_trim(line.substr(0, equals))] =
          str_trim(line.substr(equals + 1));
    }
  }
  return options;
}

// Options that only one of them has are of another version of this program.
void check_same_options(const std::string& path, const std::string& before,
                        const std::string& now,
                        const std::set<std::string>& without_effect) {
  const auto old_options = options_of(before);
  for (const auto& [name, value] : options_of(now)) {
    const auto old = old_options.find(name);
    if (old != old_options.end() && old->second != value &&
        !without_effect.contains(name)) {
      throw ConfigError(str_cat(
          "'", path, "' has ", name, " = '", old->second, "', now it is '",
          value, "': give another out, or remove '", parent_dir(path), "'"));
    }
  }
}

std::vector<std::string> this_environment() {
  std::vector<std::string> environment;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    environment.emplace_back(*entry);
  }
  return environment;
}

std::vector<std::string> command_of(const RunsConfig& config,
                                    const std::string& dir) {
  std::vector<std::string> words = {join_path(config.programs, "voxlift")};
  if (config.ranks > 1) {
    words = {join_path(config.programs, "voxlift-launch"), "-n",
             str_cat(config.ranks), "--"};
  }
  for (const std::string& word :
       {std::string("train"), std::string("--config"),
        join_path(dir, kConfigFile), std::string("--run.out"), dir}) {
    words.push_back(word);
  }
  return words;
}

// To the end of the program; a stop signal is passed on as TERM.
int run_to_end(const std::vector<std::string>& words, SignalWatch& signals,
               bool* stop) {
  RankGroup group(words, this_environment(), signals.mask_before());
  std::optional<int> code;
  while (!(code = group.try_wait())) {
    const std::optional<int> number = signals.wait(kPollS);
    if (number && is_stop_signal(*number)) {
      *stop = true;
      group.signal(SIGTERM);
    }
  }
  return *code;
}

std::string quoted(const std::string& text) {
  std::string safe = "'";
  for (const char c : text) {
    safe += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return safe + "'";
}

}  // namespace

void write_plan(const ExperimentPlan& plan, const std::string& out,
                const ResolveRun& resolve,
                const std::set<std::string>& without_effect, Files& files) {
  std::map<std::string, std::string> configs;  // By path.
  for (const PlannedRun& run : plan.runs()) {
    const std::string dir = run_dir(out, run);
    const std::string path = join_path(dir, kConfigFile);
    configs[path] = resolve(plan, run, dir);
    if (files.exists(path)) {
      const auto before = files.read(path);
      check_same_options(path, std::string(as_text(before)), configs[path],
                         without_effect);
    }
  }
  for (const auto& [path, text] : configs) {
    files.make_dirs(parent_dir(path));
    files.publish(path, text);
  }
  files.publish(join_path(out, kPlanFile), plan.to_json(out).dump(2) + "\n");
}

ExperimentPlan read_plan(const std::string& out, const Files& files) {
  const std::string path = join_path(out, kPlanFile);
  if (!files.exists(path)) {
    throw ConfigError(str_cat("there is no '", path,
                              "': give config and inits, so that it is made"));
  }
  return ExperimentPlan::from_json(parse_json(as_text(files.read(path)), path),
                                   path);
}

void RunsConfig::validate(const ExperimentPlan& plan) const {
  const auto num_runs = static_cast<int64_t>(plan.runs().size());
  if (ranks < 1) {
    throw ConfigError(str_cat("ranks = ", ranks, ": must be at least 1"));
  }
  if (task < 0 || task > num_runs) {
    throw ConfigError(
        str_cat("task = ", task, ": the plan has runs 1 to ", num_runs));
  }
}

int make_runs(const ExperimentPlan& plan, const RunsConfig& config) {
  config.validate(plan);
  const RealFiles files;
  SignalWatch signals;
  const auto runs = plan.runs();
  int failure = 0;
  bool stop = false;
  for (size_t i = 0; i < runs.size() && !stop; ++i) {
    const std::string dir = run_dir(config.out, runs[i]);
    const bool is_wanted =
        config.task == 0 || config.task == static_cast<int64_t>(i) + 1;
    if (!is_wanted || is_finished(files, dir)) {
      continue;
    }
    log_info(str_cat("run ", i + 1, " of ", runs.size(), ": ", runs[i].name()));
    const int code = run_to_end(command_of(config, dir), signals, &stop);
    stop = stop || code == static_cast<int>(ExitCode::kInterrupted);
    if (code != 0 && !stop) {
      log_error(str_cat("run ", runs[i].name(), " has ended with ", code));
      failure = failure == 0 ? code : failure;
    }
  }
  return stop ? static_cast<int>(ExitCode::kInterrupted) : failure;
}

std::string array_script(const ExperimentPlan& plan, const std::string& out) {
  const auto runs = plan.runs();
  std::ostringstream script;
  script << "#!/usr/bin/env bash\n"
            "# The runs of "
         << one_line(join_path(out, kPlanFile))
         << " as a job array, written by\n"
            "# `voxlift experiment --sbatch`. Options of sbatch, such as -N, "
            "come before its\n# name: sbatch -N 1 --ntasks-per-node=4 FILE\n#\n"
         << "#SBATCH --job-name=voxlift-" << plan.kind << "\n"
         << "#SBATCH --array=1-" << runs.size() << "\n"
         << "#SBATCH --requeue\n"
            "#SBATCH --open-mode=append\n"
            "#SBATCH --signal=B:USR1@120\n"
            "set -u\n"
            ". \"${VOXLIFT_HOME:-$SLURM_SUBMIT_DIR}/scripts/slurm/"
            "life_cycle.sh\"\n\n"
            "runs=(\n";
  for (const PlannedRun& run : runs) {
    script << "  " << quoted(run_dir(out, run)) << "\n";
  }
  script << ")\n"
            "run=${runs[${SLURM_ARRAY_TASK_ID:?} - 1]}\n"
            "if [ -e \"$run/result.json\" ]; then\n"
            "  say \"'$run' has finished\"\n"
            "  exit 0\n"
            "fi\n"
            "life_cycle train --config \"$run/config.cfg\" --run.out "
            "\"$run\"\n";
  return script.str();
}

}  // namespace voxlift::launcher
