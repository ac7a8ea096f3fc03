#include "launcher/launch/signal_watch.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"

namespace voxlift::launcher {

SignalWatch::SignalWatch() {
  sigset_t watched;
  ::sigemptyset(&watched);
  for (const int number :
       {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD}) {
    ::sigaddset(&watched, number);
  }
  ::sigprocmask(SIG_BLOCK, &watched, &before_);
  fd_ = ::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd_ < 0) {
    throw_io_error("cannot make", "signalfd", errno);
  }
}

SignalWatch::~SignalWatch() {
  ::close(fd_);
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> SignalWatch::wait(double timeout_s) {
  pollfd ready{fd_, POLLIN, 0};
  const int timeout_ms = static_cast<int>(std::max(0.0, timeout_s) * 1000.0);
  if (::poll(&ready, 1, timeout_ms) <= 0) {
    return std::nullopt;
  }
  signalfd_siginfo info{};
  const ssize_t n = ::read(fd_, &info, sizeof(info));
  if (n != sizeof(info)) {
    return std::nullopt;
  }
  return static_cast<int>(info.ssi_signo);
}

bool is_stop_signal(int number) {
  return number != SIGCHLD;
}

}  // namespace voxlift::launcher
