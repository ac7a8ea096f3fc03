#pragma once
// `voxlift export`: weights for other programs.

#include "launcher/cli/command.h"

namespace voxlift::launcher {

Command export_command();

}  // namespace voxlift::launcher
