#pragma once
// Signs of life of a training run: its output folder.

#include <string>

namespace voxlift::launcher {

// The name of the newest checkpoint folder (step_NNNNNNNN) in `dir` or in a
// folder directly below it; empty if there is none or no such folder.
std::string newest_checkpoint(const std::string& dir);

// Changes whenever a file in `dir`, or in a folder directly below it, is
// written, made or removed.
std::string activity_stamp(const std::string& dir);

}  // namespace voxlift::launcher
