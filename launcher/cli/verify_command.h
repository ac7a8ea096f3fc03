#pragma once
// `voxlift verify`.

#include "launcher/cli/command.h"

namespace voxlift::launcher {

Command make_verify_command();

}  // namespace voxlift::launcher
