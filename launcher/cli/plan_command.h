#pragma once

#include "launcher/cli/command.h"

namespace voxlift::launcher {

// `voxlift plan`: what a run would cost on 8 to 16,384 GPUs, or, with
// --dry-run-ranks, one epoch of what ranks agree on.
Command make_plan_command();

}  // namespace voxlift::launcher
