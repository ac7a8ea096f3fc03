#pragma once
// Which ends of the ranks are worth another start. The table is
// docs/errors.md.

#include <cstdint>
#include <string>

namespace voxlift::launcher {

// How the ranks have ended, as mpirun's or srun's exit code tells.
enum class EndKind {
  kDone,      // 0
  kStopped,   // 75: on request, checkpoint written.
  kFailed,    // 2, 3, 4, 70 and unknown codes: it would fail again.
  kRankLost,  // 1, 5, 205 (host lost), 128 + signal: from a checkpoint.
};

EndKind classify_end(int exit_code);

// "signal 9 (Killed)", "a host is lost", "exit code 3".
std::string describe_end(int exit_code);

// What to do after the ranks have ended.
struct NextStep {
  bool restart = false;
  double wait_s = 0.0;  // Before the restart.
  int exit_code = 0;    // Of the launcher, without restart.
};

// Counts restarts in a row that have brought no progress.
class RestartPolicy {
 public:
  RestartPolicy(int64_t max_restarts, double backoff_s)
      : max_restarts_(max_restarts), backoff_s_(backoff_s) {}

  // `stop_requested`: the launcher was asked to end, so nothing restarts.
  // `progressed`: a newer checkpoint exists than at the start of these ranks.
  NextStep after(int exit_code, bool stop_requested, bool progressed);

  // Restarts since the last progress.
  int64_t num_idle() const { return num_idle_; }

 private:
  int64_t max_restarts_;
  double backoff_s_;
  int64_t num_idle_ = 0;
};

}  // namespace voxlift::launcher
