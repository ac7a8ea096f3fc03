#pragma once

#include "launcher/cli/command.h"

namespace voxlift::launcher {

// `voxlift experiment convergence|annotation`: initialisations compared over
// epochs and label shares (docs/experiments.md).
Command experiment_command();

}  // namespace voxlift::launcher
