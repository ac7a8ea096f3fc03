#pragma once
// Programs as a user runs them.

#include <string>
#include <vector>

namespace voxlift::test {

struct ChildResult {
  int exit_code = -1;  // 128 + N if signal N ended it.
  std::string out;     // Standard output.
  std::string err;     // Standard error.
  bool timed_out = false;
};

// A running program; its output goes to files of its own. Killed with its
// process group at the end, if it still runs.
class ChildProcess {
 public:
  // argv[0] is looked up in PATH unless it has a slash. `env` adds
  // "NAME=value".
  explicit ChildProcess(const std::vector<std::string>& argv,
                        const std::vector<std::string>& env = {});
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  int pid() const { return pid_; }

  // To the program itself, not to its children.
  void signal(int number) const;

  // Waits at most `timeout_s` for the end, then kills.
  ChildResult wait(double timeout_s);

  // What it has written to standard error so far.
  std::string err_so_far() const;

 private:
  int pid_ = -1;
  int out_fd_ = -1;
  int err_fd_ = -1;
};

// Runs to the end.
ChildResult run_program(const std::vector<std::string>& argv,
                        const std::vector<std::string>& env = {},
                        double timeout_s = 60.0);

// Polls `condition` every few milliseconds; false if it does not become true
// within `timeout_s`. For what other processes do.
template <typename Condition>
bool eventually(Condition&& condition, double timeout_s);

namespace internal {
void short_pause();
double now_s();
}  // namespace internal

template <typename Condition>
bool eventually(Condition&& condition, double timeout_s) {
  const double end_s = internal::now_s() + timeout_s;
  while (!condition()) {
    if (internal::now_s() > end_s) {
      return false;
    }
    internal::short_pause();
  }
  return true;
}

}  // namespace voxlift::test
