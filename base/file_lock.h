#pragma once
// One process at a time.

#include <string>

#include "base/clock.h"
#include "base/files.h"

namespace voxlift {

// Holds an exclusive lock on a file, which is made if need be, until it goes or
// its process ends, however that ends. flock(2): works between hosts where the
// network file system has locks.
class FileLock {
 public:
  // Tries for `wait_s` seconds: a process that is just being killed still holds
  // its lock. Throws ConfigError naming `path` if another one keeps it, IoError
  // if the file cannot be made. Where the file system has no locks, a warning
  // is logged and nothing is locked.
  FileLock(const std::string& path, double wait_s, const Clock& clock);

 private:
  FileDescriptor file_;
};

}  // namespace voxlift
