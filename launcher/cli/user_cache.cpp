#include "launcher/cli/user_cache.h"

#include <cstdlib>

#include "base/files.h"

namespace voxlift::launcher {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string user_cache_folder(const std::string& option) {
  if (option != "auto") {
    return option;
  }
  const std::string cache = environment("XDG_CACHE_HOME");
  if (!cache.empty()) {
    return join_path(cache, "voxlift");
  }
  const std::string home = environment("HOME");
  return home.empty() ? "" : join_path(home, ".cache/voxlift");
}

}  // namespace voxlift::launcher
