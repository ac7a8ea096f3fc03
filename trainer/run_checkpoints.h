#pragma once
// Where a run comes from and what it leaves behind: its checkpoints, agreed on
// by all ranks.

#include <optional>

#include "base/json.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/run_state.h"
#include "trainer/task/task.h"
#include "trainer/train_config.h"
#include "trainer/train_context.h"
#include "trainer/train_step.h"

namespace voxlift::trainer {

// run.out/checkpoints of one run. One thread. `config`, `context`, `task` and
// `step` must outlive it; all ranks make one and call it alike.
class RunCheckpoints {
 public:
  // `identity`: what a checkpoint must share with the run that goes on from it.
  // `facts`: further members of every state.json.
  RunCheckpoints(const TrainConfig& config, TrainContext& context, Task& task,
                 TrainStep& step, Json identity, Json facts);

  // COLLECTIVE. The step of the newest good checkpoint, or nothing. Damaged
  // ones are named in the log.
  std::optional<int64_t> find_newest();

  // Loads weights, optimizer and state. Throws ConfigError if the checkpoint
  // belongs to another run or stands behind `total_steps`, DataError.
  RunState resume(int64_t step, int64_t total_steps);

  // COLLECTIVE. Takes a snapshot and lets a thread write it; nothing happens if
  // this step has been saved. Throws ConfigError if a weight is not finite,
  // IoError of the one before.
  void save(const RunState& state);

  // COLLECTIVE. save(), if checkpoint.every_steps says so. Rethrows IoError.
  void save_if_due(const RunState& state);

  // COLLECTIVE. Returns when everything is on disk. Throws IoError.
  void finish();

  std::string path_of(int64_t step) const { return store_.path_of(step); }

 private:
  void check_weights(const RunState& state) const;
  // Tells context.allocation_end how long the last one took, once it is there.
  void measure_written();

  const TrainConfig& config_;
  TrainContext& context_;
  Task& task_;
  TrainStep& step_;
  Json identity_;
  Json facts_;
  CheckpointStore store_;
  CheckpointWriter writer_;
  int64_t saved_step_ = -1;
  std::optional<double> save_began_s_;  // While one is being written.
};

}  // namespace voxlift::trainer
