#pragma once
// Commands that live in another program.

#include <string>

#include "launcher/cli/command.h"

namespace voxlift::launcher {

// The command `name` of voxlift-trainer, the program beside this one that is
// linked with LibTorch: this process becomes that one, with the same
// arguments. Throws ConfigError if it was not built.
Command make_trainer_command(const std::string& name,
                             const std::string& summary);

}  // namespace voxlift::launcher
