#pragma once

#include "launcher/cli/command.h"

namespace voxlift::launcher {

// `voxlift-trainer doctor --conv`: which ways this machine computes a network's
// convolutions, and how long each takes; `voxlift doctor --conv` becomes it.
Command conv_doctor_command();

}  // namespace voxlift::launcher
