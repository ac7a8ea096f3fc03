#include "tests/support/shared_data.h"

#include <cstdlib>

#include "base/files.h"
#include "base/strings.h"

namespace voxlift::test {
namespace {

std::string shared_root() {
  const char* given = std::getenv("VOXLIFT_SHARED");
  return given != nullptr ? given : VOXLIFT_SHARED_DIR;
}

}  // namespace

std::string shared_data(const std::string& below) {
  const std::string path = join_path(shared_root(), below);
  return RealFiles().exists(path) ? path : "";
}

std::string shared_data_missing(const std::string& below) {
  return str_cat("no ", below, " below ", shared_root(),
                 " (set VOXLIFT_SHARED)");
}

}  // namespace voxlift::test
