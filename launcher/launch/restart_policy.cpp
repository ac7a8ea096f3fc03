#include "launcher/launch/restart_policy.h"

#include <signal.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::launcher {
namespace {

constexpr int kHostLost = 205;  // Open MPI's ORTE_ERR_COMM_FAILURE, as a byte.
constexpr double kMaxWaitS = 30.0;

// The launcher's own exit code for ranks that have ended for good.
int code_to_report(int exit_code, bool stop_requested) {
  // Asked to stop before a rank could install its handler: there was nothing
  // to save yet, and running it again continues from the newest checkpoint.
  if (stop_requested && exit_code == 128 + SIGUSR2) {
    return static_cast<int>(ExitCode::kInterrupted);
  }
  return classify_end(exit_code) == EndKind::kRankLost
             ? static_cast<int>(ExitCode::kComm)
             : exit_code;
}

}  // namespace

EndKind classify_end(int exit_code) {
  switch (exit_code) {
    case static_cast<int>(ExitCode::kOk):
      return EndKind::kDone;
    case static_cast<int>(ExitCode::kInterrupted):
      return EndKind::kStopped;
    case 1:  // mpirun's: a rank has left without MPI_Finalize.
    case static_cast<int>(ExitCode::kComm):
    case kHostLost:
      return EndKind::kRankLost;
    default:
      return exit_code > 128 && exit_code <= 128 + SIGRTMAX ? EndKind::kRankLost
                                                            : EndKind::kFailed;
  }
}

std::string describe_end(int exit_code) {
  if (exit_code == kHostLost) {
    return "a host is lost";
  }
  if (exit_code > 128 && exit_code <= 128 + SIGRTMAX) {
    return str_cat("signal ", exit_code - 128, " (",
                   ::strsignal(exit_code - 128), ")");
  }
  return str_cat("exit code ", exit_code);
}

NextStep RestartPolicy::after(int exit_code, bool stop_requested,
                              bool progressed) {
  NextStep next;
  next.exit_code = code_to_report(exit_code, stop_requested);
  if (progressed) {
    num_idle_ = 0;
  }
  if (stop_requested || classify_end(exit_code) != EndKind::kRankLost ||
      num_idle_ >= max_restarts_) {
    return next;
  }
  next.restart = true;
  next.wait_s = std::min(
      kMaxWaitS, backoff_s_ * std::exp2(static_cast<double>(num_idle_)));
  ++num_idle_;
  return next;
}

}  // namespace voxlift::launcher
