#pragma once
// voxlift bench

#include "launcher/cli/command.h"

namespace voxlift::launcher {

Command make_bench_command();

}  // namespace voxlift::launcher
