#pragma once
// Makes the runs of an experiment, one after the other or as a job array.

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "base/files.h"
#include "launcher/experiment/experiment_plan.h"

namespace voxlift::launcher {

// The configuration of one run that works in `dir`, as "name = value" lines.
using ResolveRun = std::function<std::string(
    const ExperimentPlan& plan, const PlannedRun& run, const std::string& dir)>;

// Writes OUT/plan.json and, for each run, its folder with config.cfg. An
// experiment may grow: runs that are there stay as they are. Throws ConfigError
// naming file, option and both values if one of them has another configuration
// (options in `without_effect` may differ), IoError.
void write_plan(const ExperimentPlan& plan, const std::string& out,
                const ResolveRun& resolve,
                const std::set<std::string>& without_effect, Files& files);

// Of OUT/plan.json. Throws ConfigError if there is none, DataError.
ExperimentPlan read_plan(const std::string& out, const Files& files);

struct RunsConfig {
  std::string out;       // Of the experiment.
  std::string programs;  // Folder of voxlift and voxlift-launch.
  int64_t ranks = 1;     // More than one: through voxlift-launch.
  int64_t task = 0;      // Only this run of the plan, from 1; 0: all.

  void validate(const ExperimentPlan& plan) const;  // Throws ConfigError.
};

// Makes the runs that are not finished, as children of this process; a stopped
// one goes on from its checkpoint. A run that fails is logged and the others
// are made. TERM, INT, USR1 and USR2 stop the run of the moment with a
// checkpoint, and all. Returns 0, 75 where it was stopped, or the exit code of
// the first run that failed. One thread, one call at a time.
int make_runs(const ExperimentPlan& plan, const RunsConfig& config);

// A script for sbatch that makes the runs as a job array, each with the life
// cycle of scripts/slurm/life_cycle.sh.
std::string array_script(const ExperimentPlan& plan, const std::string& out);

}  // namespace voxlift::launcher
