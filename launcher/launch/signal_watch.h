#pragma once
// Signals as events to wait for.

#include <signal.h>

#include <optional>

namespace voxlift::launcher {

// From construction on, TERM, INT, HUP, USR1, USR2 and CHLD are blocked and
// read through a file descriptor; the old mask comes back in the destructor.
// No handler runs. One thread, one object in a process.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  // The next signal; nothing if none comes within `timeout_s`.
  std::optional<int> wait(double timeout_s);

  // The mask before, for children.
  const sigset_t& mask_before() const { return before_; }

 private:
  sigset_t before_{};
  int fd_ = -1;
};

// Is it one of those that ask to stop?
bool is_stop_signal(int number);

}  // namespace voxlift::launcher
