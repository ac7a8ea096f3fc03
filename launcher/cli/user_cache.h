#pragma once

#include <string>

namespace voxlift::launcher {

// The folder that `option` names; of "auto": voxlift in $XDG_CACHE_HOME, or in
// $HOME/.cache, or "" where neither is set.
std::string user_cache_folder(const std::string& option);

}  // namespace voxlift::launcher
