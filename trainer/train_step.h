#pragma once
// One step of training: slots, sum over the ranks, update.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sharding/assignment.h"
#include "trainer/model/norm.h"
#include "trainer/optim/sgd.h"
#include "trainer/reduce/gradient_reducer.h"
#include "trainer/report/step_report.h"
#include "trainer/task/task.h"
#include "trainer/train_config.h"
#include "trainer/train_context.h"

namespace voxlift::trainer {

// Which step, and with what.
struct StepPlan {
  int64_t step = 0;         // Since the beginning of the run.
  int64_t num_samples = 0;  // Over all slots of all ranks.
  double lr = 0.0;
  bool poison = false;  // A fault: this rank's losses become NaN.
};

// The samples of `slot` on the network's device, valid until the next call; of
// size 0 where it has none.
using NextBatch = std::function<Batch(int64_t slot)>;

// The optimizer and everything between a batch and the new weights. One
// thread. `task`, `config` and `context` must outlive it.
class TrainStep {
 public:
  TrainStep(const TrainConfig& config, TrainContext& context,
            const sharding::SlotRange& slots, Task& task);

  // COLLECTIVE. Asks for the batches of this rank's slots in order and moves
  // the weights. Throws ConfigError, the same on every rank, if the loss
  // is not finite; the weights have not moved then.
  StepTotals run(const StepPlan& plan, const NextBatch& next_batch);

  // What a checkpoint keeps beside the network, sharing memory.
  const TensorMap& state() const { return optimizer_.state(); }

  // Throws DataError naming `origin` unless names and shapes are the same.
  void load_state(const TensorMap& state, const std::string& origin) {
    optimizer_.load_state(state, origin);
  }

  // Seconds that steps have waited for communication, so far.
  double comm_waited_s() const { return reducer_.waited_s(); }

 private:
  void run_slot(int64_t slot, const StepPlan& plan, const NextBatch& next_batch,
                std::span<double> slot_values);
  void update_batch_norms(const StepPlan& plan);
  StepTotals gather_totals(const std::vector<double>& slot_values);

  const TrainConfig& config_;
  TrainContext& context_;
  sharding::SlotRange slots_;
  Task& task_;
  std::vector<BatchNormImpl*> batch_norms_;
  Sgd optimizer_;
  GradientReducer reducer_;
};

}  // namespace voxlift::trainer
