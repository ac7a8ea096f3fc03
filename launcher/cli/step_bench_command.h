#pragma once

#include "launcher/cli/command.h"

namespace voxlift::launcher {

// `voxlift-trainer bench`: the benchmarks that need LibTorch, by name; `voxlift
// bench` becomes it for them.
Command step_bench_command();

}  // namespace voxlift::launcher
