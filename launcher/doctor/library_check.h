#pragma once
// Libraries that are loaded, GPUs and what they need.

#include <functional>
#include <string>
#include <vector>

#include "launcher/doctor/finding.h"
#include "launcher/doctor/slurm_check.h"

namespace voxlift::launcher {

// Paths of this program's shared libraries, links followed: their file names
// hold the versions.
std::vector<std::string> loaded_libraries();

// Those that decide what files and networks can be read. Pure.
Findings check_libraries(const std::vector<std::string>& paths);

// `can_load`: a library of that name is found.
Findings check_gpus(const Ask& ask,
                    const std::function<bool(const std::string&)>& can_load);

// Asks the dynamic loader.
bool can_load_library(const std::string& name);

}  // namespace voxlift::launcher
