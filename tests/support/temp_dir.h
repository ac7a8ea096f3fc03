#pragma once
// A folder for the files of one test.

#include <string>

namespace voxlift::test {

// Makes a folder of its own below the system's temporary folder; removes it
// with everything in it at the end, except where the test has failed: then it
// is kept and its path is printed.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

  // path()/`name`.
  std::string file(const std::string& name) const;

  // Writes `content` to path()/`name`, making folders, and returns that path.
  std::string write(const std::string& name, const std::string& content) const;

 private:
  std::string path_;
};

// The whole file as text.
std::string read_text(const std::string& path);

}  // namespace voxlift::test
