#pragma once
// Requests to stop, as a flag.

#include <signal.h>

#include <array>

namespace voxlift::launcher {

// From construction on, TERM, USR1, USR2 and INT set a flag and do nothing
// else; the program looks at it when it can stop in order. The handlers before
// come back in the destructor. One object at a time in a process.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // The signals are ignored from now on, also after the destructor: the program
  // is ending and has its exit code.
  void ignore_from_now();

  // Any thread.
  bool requested() const;

  // The last signal that came; 0 if none.
  int last_signal() const;

 private:
  static constexpr std::array kSignals = {SIGTERM, SIGUSR1, SIGUSR2, SIGINT};
  std::array<struct sigaction, kSignals.size()> before_{};
  bool ignored_ = false;
};

}  // namespace voxlift::launcher
