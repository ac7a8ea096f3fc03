#pragma once
// `voxlift pack`.

#include "launcher/cli/command.h"

namespace voxlift::launcher {

Command make_pack_command();

}  // namespace voxlift::launcher
