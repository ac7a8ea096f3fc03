#pragma once
// `voxlift train` and `voxlift evaluate`: the commands that need LibTorch.

#include "launcher/cli/command.h"

namespace voxlift::launcher {

Command train_command();
Command evaluate_command();

}  // namespace voxlift::launcher
