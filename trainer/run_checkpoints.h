#pragma once
// Where a run comes from and what it leaves behind: its checkpoints, agreed on
// by all ranks.

#include <functional>
#include <optional>

#include "base/json.h"
#include "trainer/checkpoint/checkpoint_saver.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/report/step_report.h"
#include "trainer/run_state.h"
#include "trainer/task/task.h"
#include "trainer/train_config.h"
#include "trainer/train_context.h"
#include "trainer/train_step.h"

namespace voxlift::trainer {

// run.out/checkpoints of one run. One thread. `config`, `context`, `task` and
// `step` must outlive it; all ranks make one and call it alike.
//
// Failures to write (a full disk) do not end the training at once: each is a
// warning with rank, host and file, the checkpoints before stay, and the next
// interval tries again. checkpoint.max_failures in a row are an IoError, and so
// is the last checkpoint of a run, which is tried twice.
class RunCheckpoints {
 public:
  // `identity`: what a checkpoint must share with the run that goes on from it.
  // `facts`: further members of every state.json.
  RunCheckpoints(const TrainConfig& config, TrainContext& context, Task& task,
                 TrainStep& step, Json identity, Json facts);

  // COLLECTIVE. The step of the newest good checkpoint, or nothing. Damaged
  // ones are named in the log. Finds out whether the ranks share the folder:
  // where not, rank 0 writes everything.
  std::optional<int64_t> find_newest();

  // COLLECTIVE. Loads weights, optimizer and state; rank 0 reads, the others
  // get the bytes from it. Throws ConfigError if the checkpoint belongs to
  // another run or stands behind `total_steps`, DataError.
  RunState resume(int64_t step, int64_t total_steps);

  // Told of each one that is on disk.
  void set_on_saved(std::function<void(const CheckpointReport&)> call) {
    on_saved_ = std::move(call);
  }

  // COLLECTIVE. Begins a checkpoint, which is written while training goes on;
  // nothing happens if this step has been saved. Waits for the one before.
  // Throws as save_if_due().
  void save(const RunState& state);

  // COLLECTIVE, after each step. Sees to the one in flight; begins another
  // where checkpoint.every_steps or every_minutes says so. Throws, the same on
  // every rank, ConfigError if a weight was not finite, or IoError.
  void save_if_due(const RunState& state);

  // Returns when this rank's tensors may change: before whatever moves them
  // outside of a step.
  void wait_copied();

  // COLLECTIVE. Waits for the one in flight. Throws as save_if_due().
  void settle();

  // COLLECTIVE, after an evaluation of what save() has saved. Notes the score
  // in `state` and in run.out/best.json, if checkpoint.keep_best says so.
  // Throws ConfigError if there is no such metric.
  void note_scores(RunState* state);

  // COLLECTIVE. Saves the end of the run and returns when it is on disk. Throws
  // IoError.
  void finish(const RunState& state);

  std::string path_of(int64_t step) const { return store_.path_of(step); }

  // Seconds that this rank's training has lost to checkpoints, so far.
  double stalled_s() const { return stalled_s_; }

 private:
  void agree_on_folder();
  Checkpoint load_everywhere(int64_t step);
  void check_resumed(const Checkpoint& checkpoint, const RunState& state,
                     int64_t total_steps) const;
  Json state_json(const RunState& state) const;
  std::vector<int64_t> protected_steps(const RunState& state) const;
  bool due_by_time();
  void start(const RunState& state);
  void handle(const SaveOutcome& outcome);
  void handle_failure(const SaveOutcome& outcome);
  void publish_best(const RunState& state);
  void counted(const std::function<void()>& work);

  const TrainConfig& config_;
  TrainContext& context_;
  Task& task_;
  TrainStep& step_;
  Json identity_;
  Json facts_;
  std::function<void(const CheckpointReport&)> on_saved_;
  int64_t saved_step_ = -1;  // Begun or loaded last, unless that has failed.
  int64_t failures_ = 0;     // In a row.
  bool last_chance_ = false;
  double started_s_ = 0.0;  // When the last one was begun.
  double stalled_s_ = 0.0;
  double stalled_before_s_ = 0.0;  // Of that, before the last one.
  CheckpointStore store_;
  CheckpointSaver saver_;  // Last: its thread uses what is above.
};

}  // namespace voxlift::trainer
