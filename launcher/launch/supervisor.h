#pragma once
// Keeps the ranks of one job running until it is done.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "launcher/launch/rank_group.h"
#include "launcher/launch/restart_policy.h"
#include "launcher/launch/signal_watch.h"
#include "launcher/launch/start_planner.h"

namespace voxlift::launcher {

// Starts what the planner says, passes stop signals on, ends what hangs,
// restarts what was lost. `signals` and `clock` must outlive it. One thread.
class Supervisor {
 public:
  // `say` gets one line per event.
  Supervisor(const LaunchConfig& config, std::string watched_dir,
             SignalWatch& signals, const Clock& clock,
             std::function<void(const std::string&)> say);

  // A file that finished ranks leave behind. srun may end with 0 after a node
  // failure: then only this file tells. Empty: exit code 0 is believed.
  void set_done_marker(std::string path) { done_marker_ = std::move(path); }

  // Returns the launcher's exit code (docs/errors.md).
  int run(StartPlanner& planner);

 private:
  // From polite to final: each stage has its time, then the next comes.
  enum class Stage { kRunning, kAsked, kTerminated, kKilled };

  // Runs the ranks once, to their end, and cleans up after them.
  int run_once(StartPlanner& planner);
  int run_group(const Start& start);
  // Ranks that say 0 must have left the done marker; 205 (host lost) if not.
  int proven_end(int code) const;
  void say_end(int code, int own_code, int64_t num_restarts);
  void on_signal(int number, RankGroup* group);
  void advance_stage(RankGroup& group);
  void enter(Stage stage);
  bool has_stalled();
  void end_leftovers(RankGroup& group);
  // False if a stop signal came meanwhile.
  bool wait_before_restart(double seconds);

  const LaunchConfig& config_;
  const std::string watched_dir_;
  std::string done_marker_;
  SignalWatch& signals_;
  const Clock& clock_;
  std::function<void(const std::string&)> say_;

  bool stop_requested_ = false;
  Stage stage_ = Stage::kRunning;
  double stage_since_s_ = 0.0;
  double asked_at_s_ = 0.0;
  std::string activity_;
  double activity_since_s_ = 0.0;
};

}  // namespace voxlift::launcher
