#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"

namespace voxlift {
namespace {

constexpr int kLockFlags = O_RDWR | O_CREAT;

int flock_now(const FileDescriptor& file, LockMode mode) {
  const int kind = mode == LockMode::kShared ? LOCK_SH : LOCK_EX;
  return ::flock(file.get(), kind | LOCK_NB) == 0 ? 0 : errno;
}

// 0, EWOULDBLOCK if another one keeps its lock for `wait_s`, or why there are
// no locks.
int flock_for(const FileDescriptor& file, LockMode mode, double wait_s,
              const Clock& clock) {
  const double end_s = clock.now_s() + wait_s;
  while (true) {
    const int error = flock_now(file, mode);
    if (error != EWOULDBLOCK && error != EINTR) {
      return error;
    }
    if (clock.now_s() >= end_s) {
      return EWOULDBLOCK;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

FileLock::FileLock(const std::string& path, double wait_s, const Clock& clock)
    : file_(path, kLockFlags) {
  const int error = flock_for(file_, LockMode::kExclusive, wait_s, clock);
  if (error == EWOULDBLOCK) {
    throw ConfigError(
        str_cat("'", path, "' is locked: another process works there"));
  }
  if (error != 0) {
    log_warning(str_cat("cannot lock '", path, "': ", std::strerror(error),
                        ": nothing keeps a second run out of this folder"));
  }
}

std::optional<FileLock> FileLock::try_for(const std::string& path,
                                          LockMode mode, double wait_s,
                                          const Clock& clock) {
  FileDescriptor file(path, kLockFlags);
  const int error = flock_for(file, mode, wait_s, clock);
  if (error == EWOULDBLOCK) {
    return std::nullopt;
  }
  if (error != 0) {
    throw_io_error("cannot lock", path, error);
  }
  return FileLock(std::move(file));
}

bool has_file_locks(const std::string& path) {
  const FileDescriptor file(path, kLockFlags);
  const int error = flock_now(file, LockMode::kShared);
  return error == 0 || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace voxlift
