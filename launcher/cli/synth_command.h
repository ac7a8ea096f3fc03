#pragma once
// `voxlift synth`.

#include "launcher/cli/command.h"

namespace voxlift::launcher {

Command make_synth_command();

}  // namespace voxlift::launcher
