#include "launcher/launch/progress_stamp.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <system_error>

#include "base/strings.h"

namespace voxlift::launcher {
namespace {

namespace fs = std::filesystem;

// Calls `visit` for everything in `dir` and in its folders. What disappears
// meanwhile is passed over: the ranks are at work there.
void visit_two_levels(const std::string& dir,
                      const std::function<void(const fs::path&)>& visit) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(dir, error), end;
       !error && it != end; it.increment(error)) {
    if (it.depth() >= 1) {
      it.disable_recursion_pending();
    }
    visit(it->path());
  }
}

bool is_checkpoint_name(const std::string& name) {
  constexpr std::string_view kPrefix = "step_";
  return name.starts_with(kPrefix) && name.size() > kPrefix.size() &&
         name.find_first_not_of("0123456789", kPrefix.size()) ==
             std::string::npos;
}

}  // namespace

std::string newest_checkpoint(const std::string& dir) {
  std::string newest;
  visit_two_levels(dir, [&](const fs::path& path) {
    const std::string name = path.filename().string();
    if (is_checkpoint_name(name)) {
      newest = std::max(newest, name);
    }
  });
  return newest;
}

std::string activity_stamp(const std::string& dir) {
  int64_t newest_ns = 0;
  int64_t bytes = 0;
  int64_t count = 0;
  visit_two_levels(dir, [&](const fs::path& path) {
    struct stat info {};

    if (::stat(path.c_str(), &info) == 0) {
      newest_ns = std::max(newest_ns, info.st_mtim.tv_sec * 1'000'000'000L +
                                          info.st_mtim.tv_nsec);
      bytes += info.st_size;
      ++count;
    }
  });
  return str_cat(newest_ns, ".", bytes, ".", count);
}

}  // namespace voxlift::launcher
