#pragma once
// Commands that are called with two files: `voxlift export FROM TO [OPTIONS]`.

#include <span>
#include <string>
#include <vector>

namespace voxlift::launcher {

// The first two arguments as --from=FROM and --to=TO, then the rest as it is;
// all as it is where the arguments begin with an option.
std::vector<std::string> with_named_files(std::span<const std::string> args);

}  // namespace voxlift::launcher
