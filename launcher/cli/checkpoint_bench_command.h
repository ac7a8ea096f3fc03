#pragma once
// voxlift bench train.checkpoint

#include "launcher/cli/command.h"

namespace voxlift::launcher {

// Of the program with LibTorch; `voxlift bench train.checkpoint` becomes it.
Command checkpoint_bench_command();

}  // namespace voxlift::launcher
