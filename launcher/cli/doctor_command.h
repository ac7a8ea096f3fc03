#pragma once
// voxlift doctor

#include "launcher/cli/command.h"

namespace voxlift::launcher {

Command make_doctor_command();

}  // namespace voxlift::launcher
