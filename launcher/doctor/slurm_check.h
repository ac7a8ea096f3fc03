#pragma once
// How ranks start here, and what SLURM does to jobs.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "launcher/doctor/finding.h"
#include "launcher/launch/cluster_env.h"

namespace voxlift::launcher {

// The output of a command; nothing if it is missing or has failed.
using Ask = std::function<std::optional<std::string>(
    const std::vector<std::string>& argv)>;

// Open MPI, and what voxlift-launch would start ranks with, and why.
Findings check_launch(const Ask& ask, const ClusterEnv& cluster);

// Settings that decide what a job must expect; a single finding where there is
// no SLURM.
Findings check_slurm(const Ask& ask);

}  // namespace voxlift::launcher
