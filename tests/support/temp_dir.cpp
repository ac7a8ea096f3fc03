#include "tests/support/temp_dir.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/files.h"

namespace voxlift::test {
namespace fs = std::filesystem;

TempDir::TempDir()
    : path_((fs::temp_directory_path() / "voxlift-test-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr) {
    throw_io_error("cannot make the folder", path_, errno);
  }
}

TempDir::~TempDir() {
  if (::testing::Test::HasFailure()) {
    std::fprintf(stderr, "kept for inspection: %s\n", path_.c_str());
    return;
  }
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TempDir::file(const std::string& name) const {
  return join_path(path_, name);
}

std::string TempDir::write(const std::string& name,
                           const std::string& content) const {
  RealFiles files;
  const std::string path = file(name);
  files.make_dirs(parent_dir(path));
  const std::span<const std::byte> piece = as_bytes(content);
  files.write_durable(path, std::span(&piece, 1));
  return path;
}

std::string read_text(const std::string& path) {
  return std::string(as_text(RealFiles().read(path)));
}

}  // namespace voxlift::test
