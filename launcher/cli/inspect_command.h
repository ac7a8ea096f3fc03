#pragma once
// `voxlift inspect`.

#include "launcher/cli/command.h"

namespace voxlift::launcher {

Command make_inspect_command();

}  // namespace voxlift::launcher
