#pragma once
// What `voxlift verify` finds in checkpoints. No LibTorch here.

#include <string>
#include <vector>

#include "base/files.h"

namespace voxlift::trainer {

// Is there a manifest.json in `dir`?
bool is_checkpoint_dir(const std::string& dir, const Files& files);

// The step_* folders in `dir`, or in `dir`/checkpoints where `dir` is a run's;
// oldest first.
std::vector<std::string> checkpoints_in(const std::string& dir,
                                        const Files& files);

// Every byte against the manifest, every tensor's place in its file, and the
// members of state.json: one line for each problem, with file and both values.
std::vector<std::string> verify_checkpoint(const std::string& dir,
                                           const Files& files);

// All checkpoints of the run folder `dir`, and whether those that its
// result.json and best.json name are there.
std::vector<std::string> verify_run(const std::string& dir, const Files& files);

}  // namespace voxlift::trainer
