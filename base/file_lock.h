#pragma once
// One process at a time, or several readers.

#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/files.h"

namespace voxlift {

enum class LockMode { kShared, kExclusive };

// Holds a lock on a file, which is made if need be, until it goes or its
// process ends, however that ends. flock(2): works between hosts where the
// network file system has locks.
class FileLock {
 public:
  // An exclusive one. Tries for `wait_s` seconds: a process that is just being
  // killed still holds its lock. Throws ConfigError naming `path` if another
  // one keeps it, IoError if the file cannot be made. Where the file system has
  // no locks, a warning is logged and nothing is locked.
  FileLock(const std::string& path, double wait_s, const Clock& clock);

  // Tries for `wait_s` seconds; nothing if another one keeps its lock. Throws
  // IoError if the file cannot be made or the file system has no locks.
  static std::optional<FileLock> try_for(const std::string& path, LockMode mode,
                                         double wait_s, const Clock& clock);

 private:
  explicit FileLock(FileDescriptor file) : file_(std::move(file)) {}

  FileDescriptor file_;
};

// Whether the file system of `path`, a file that is made if need be, has locks.
// Throws IoError if the file cannot be made.
bool has_file_locks(const std::string& path);

}  // namespace voxlift
