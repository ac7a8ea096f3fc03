#pragma once
// `voxlift predict`: scans in, masks or scores out.

#include "launcher/cli/command.h"

namespace voxlift::launcher {

Command predict_command();

}  // namespace voxlift::launcher
