#include "launcher/launch/supervisor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "launcher/launch/progress_stamp.h"

namespace voxlift::launcher {
namespace {

constexpr double kPollS = 0.2;
// mpirun passes no signal on before the ranks run: ask again until they hear.
constexpr double kAskAgainS = 1.0;
// mpirun ends its ranks with TERM and KILL within 2 s of its own TERM.
constexpr double kTerminateS = 5.0;
// What mpirun has killed may take a moment to be gone.
constexpr double kLeftoverS = 2.0;

}  // namespace

Supervisor::Supervisor(const LaunchConfig& config, std::string watched_dir,
                       SignalWatch& signals, const Clock& clock,
                       std::function<void(const std::string&)> say)
    : config_(config),
      watched_dir_(std::move(watched_dir)),
      signals_(signals),
      clock_(clock),
      say_(std::move(say)) {}

int Supervisor::run(StartPlanner& planner) {
  RestartPolicy policy(config_.max_restarts, config_.backoff_s);
  while (true) {
    const std::string checkpoint_before = newest_checkpoint(watched_dir_);
    const int code = proven_end(run_once(planner));
    const std::string checkpoint = newest_checkpoint(watched_dir_);
    const NextStep next =
        policy.after(code, stop_requested_, checkpoint != checkpoint_before);
    if (!next.restart) {
      say_end(code, next.exit_code, policy.num_idle());
      return next.exit_code;
    }
    say_(str_cat("a rank was lost: ", describe_end(code), "; restart ",
                 policy.num_idle(), " of ", config_.max_restarts, " in ",
                 human_duration(next.wait_s), " from ",
                 checkpoint.empty() ? "the beginning" : checkpoint));
    if (!wait_before_restart(next.wait_s)) {
      return static_cast<int>(ExitCode::kInterrupted);
    }
  }
}

int Supervisor::proven_end(int code) const {
  if (code != 0 || done_marker_.empty() || RealFiles().exists(done_marker_)) {
    return code;
  }
  say_(str_cat("the ranks have ended with 0, but there is no '", done_marker_,
               "': taken for a lost host"));
  constexpr int kHostLost = 205;
  return kHostLost;
}

void Supervisor::say_end(int code, int own_code, int64_t num_restarts) {
  std::string line = "the ranks have ended: " + describe_end(code);
  if (num_restarts > 0 && !stop_requested_ &&
      classify_end(code) == EndKind::kRankLost) {
    line += str_cat("; giving up after ", num_restarts,
                    " restarts without a new checkpoint");
  }
  if (own_code != code) {
    line += str_cat("; exit code ", own_code);
  }
  say_(line);
}

int Supervisor::run_once(StartPlanner& planner) {
  enter(Stage::kRunning);
  Start start;
  try {
    start = planner.next();
  } catch (const CommError& error) {
    say_(error.what());
    return static_cast<int>(error.code());
  }
  const int code = run_group(start);
  if (code != 0) {
    planner.clean_up();
  }
  return code;
}

int Supervisor::run_group(const Start& start) {
  RankGroup group(start.argv, start.environment, signals_.mask_before());
  say_(str_cat("started ", start.argv[0], " (process ", group.pid(), ")"));
  enter(Stage::kRunning);
  activity_ = activity_stamp(watched_dir_);
  activity_since_s_ = clock_.now_s();
  std::optional<int> code;
  while (!(code = group.try_wait())) {
    if (const std::optional<int> number = signals_.wait(kPollS)) {
      on_signal(*number, &group);
    }
    if (stage_ == Stage::kRunning && has_stalled()) {
      say_(str_cat("no progress in '", watched_dir_, "' for ",
                   human_duration(config_.stall_s), ": ending the ranks"));
      group.signal(SIGTERM);
      enter(Stage::kTerminated);
    }
    advance_stage(group);
  }
  end_leftovers(group);
  // A group that we have ended because it hung counts as a lost rank, whatever
  // mpirun makes of it.
  const bool ended_well = classify_end(*code) == EndKind::kDone ||
                          classify_end(*code) == EndKind::kStopped;
  return stage_ >= Stage::kTerminated && !ended_well ? 128 + SIGTERM : *code;
}

void Supervisor::on_signal(int number, RankGroup* group) {
  if (!is_stop_signal(number)) {
    return;
  }
  if (stop_requested_ && number == SIGINT && stage_ == Stage::kAsked) {
    say_("second interrupt: ending the ranks now");
    group->signal(SIGTERM);
    enter(Stage::kTerminated);
  }
  if (stop_requested_ || stage_ != Stage::kRunning) {
    stop_requested_ = true;
    return;
  }
  stop_requested_ = true;
  say_(str_cat("got signal ", number, " (", ::strsignal(number),
               "): asked the ranks to checkpoint and stop, waiting up to ",
               human_duration(config_.grace_s)));
  group->signal(SIGUSR2);
  enter(Stage::kAsked);
}

void Supervisor::enter(Stage stage) {
  stage_ = stage;
  stage_since_s_ = clock_.now_s();
  asked_at_s_ = stage_since_s_;
}

void Supervisor::advance_stage(RankGroup& group) {
  const double now = clock_.now_s();
  const double in_stage_s = now - stage_since_s_;
  if (stage_ == Stage::kAsked && in_stage_s > config_.grace_s) {
    say_(str_cat("the ranks have not stopped within ",
                 human_duration(config_.grace_s), ": ending them"));
    group.signal(SIGTERM);
    enter(Stage::kTerminated);
  } else if (stage_ == Stage::kAsked && now - asked_at_s_ > kAskAgainS) {
    group.signal(SIGUSR2);
    asked_at_s_ = now;
  } else if (stage_ == Stage::kTerminated && in_stage_s > kTerminateS) {
    say_("the ranks have not ended: killing them");
    group.kill_all();
    enter(Stage::kKilled);
  }
}

bool Supervisor::has_stalled() {
  if (config_.stall_s <= 0.0) {
    return false;
  }
  const double now = clock_.now_s();
  std::string activity = activity_stamp(watched_dir_);
  if (activity != activity_) {
    activity_ = std::move(activity);
    activity_since_s_ = now;
  }
  return now - activity_since_s_ > config_.stall_s;
}

void Supervisor::end_leftovers(RankGroup& group) {
  if (!group.is_gone_within(kLeftoverS)) {
    say_(str_cat("killed ", group.kill_all(), " processes that were left"));
  }
}

bool Supervisor::wait_before_restart(double seconds) {
  const double end_s = clock_.now_s() + seconds;
  while (clock_.now_s() < end_s) {
    const double left_s = std::max(0.0, end_s - clock_.now_s());
    const std::optional<int> number = signals_.wait(left_s);
    if (number && is_stop_signal(*number)) {
      say_(str_cat("got signal ", *number, ": not restarting"));
      stop_requested_ = true;
      return false;
    }
  }
  return true;
}

}  // namespace voxlift::launcher
