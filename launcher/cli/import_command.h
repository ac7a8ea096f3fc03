#pragma once
// `voxlift import`: others' weight files.

#include "launcher/cli/command.h"

namespace voxlift::launcher {

Command import_command();

}  // namespace voxlift::launcher
