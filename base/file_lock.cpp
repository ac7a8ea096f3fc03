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

FileLock::FileLock(const std::string& path, double wait_s, const Clock& clock)
    : file_(path, O_RDWR | O_CREAT) {
  const double end_s = clock.now_s() + wait_s;
  while (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      log_warning(str_cat("cannot lock '", path, "': ", std::strerror(errno),
                          ": nothing keeps a second run out of this folder"));
      return;
    }
    if (clock.now_s() >= end_s) {
      throw ConfigError(
          str_cat("'", path, "' is locked: another process works there"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace voxlift
