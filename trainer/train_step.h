#pragma once
// One step of training: slots, sum over the ranks, update.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sharding/assignment.h"
#include "trainer/memory_plan.h"
#include "trainer/model/norm.h"
#include "trainer/model/slot_meeting.h"
#include "trainer/optim/ema.h"
#include "trainer/optim/loss_scale.h"
#include "trainer/optim/optimizer.h"
#include "trainer/reduce/gradient_reducer.h"
#include "trainer/report/step_report.h"
#include "trainer/report/trace.h"
#include "trainer/task/task.h"
#include "trainer/tensor_memory.h"
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
//
// Slots run one after the other, except with model.norm = syncbn: then those of
// a rank run side by side (trainer/model/slot_meeting.h), all their activations
// and gradients are in memory at once, and sums over ranks do not overlap with
// backward.
class TrainStep {
 public:
  // Throws ConfigError if the device cannot compute as configured.
  TrainStep(const TrainConfig& config, TrainContext& context,
            const sharding::SlotRange& slots, Task& task);

  // COLLECTIVE. Asks for the batches of this rank's slots in order and moves
  // the weights, unless the loss or the gradient is not finite: all ranks see
  // that alike, and the totals say so. Such a step changes no weight, momentum,
  // mean or statistic.
  StepTotals run(const StepPlan& plan, const NextBatch& next_batch);

  // Called by every run() just before weights, statistics and state() move, for
  // whoever still reads them.
  void set_before_update(std::function<void()> call) {
    before_update_ = std::move(call);
  }

  // What a checkpoint keeps beside the network, sharing memory: the optimizer's
  // state, the mean of the weights, what compression has left over.
  const TensorMap& state() const { return state_; }

  // COLLECTIVE. Makes state() that of this moment on every rank; no checkpoint
  // may be copying it.
  void complete_state() { reducer_.collect_residuals(); }

  // Throws DataError naming `origin` unless names and shapes are the same.
  void load_state(const TensorMap& state, const std::string& origin) {
    copy_state(state, state_, origin);
    reducer_.restore_residuals();
  }

  LossScale& loss_scale() { return loss_scale_; }

  // The mean of the weights; nothing if none is kept.
  std::optional<Ema>& ema() { return ema_; }

  // Spans of slots and sums go to `trace` (may be null) from now on, which must
  // outlive this.
  void set_trace(Trace* trace);

  // Seconds that steps have waited for communication, so far.
  double comm_waited_s() const { return reducer_.waited_s(); }

  // What this rank's memory holds, as far as it is known here; `loader` is one
  // slot's batch. Activations are measured in the first full step; nothing
  // before.
  std::optional<MemoryPlan> memory() const;

 private:
  void add_residuals();
  bool measures_memory(const StepPlan& plan) const;
  void run_slot(int64_t slot, const StepPlan& plan, const Batch& batch,
                std::span<double> slot_values);
  void run_slots_together(const StepPlan& plan, const NextBatch& next_batch,
                          std::vector<double>& values);
  void give_to_reducer(int64_t local_slot,
                       const std::vector<torch::Tensor>& gradients);
  torch::Tensor scaled_loss(int64_t slot, const StepPlan& plan,
                            const Batch& batch, std::span<double> slot_values);
  std::span<double> values_of(std::vector<double>& values, int64_t local) const;
  torch::Tensor sum_over_slots(std::vector<torch::Tensor> leaves);
  StepTotals gather_totals(const std::vector<double>& slot_values);
  void update(const StepPlan& plan, StepTotals* totals);
  void update_batch_norms(const StepPlan& plan);

  const TrainConfig& config_;
  TrainContext& context_;
  sharding::SlotRange slots_;
  Task& task_;
  std::vector<torch::Tensor> trained_;
  std::vector<BatchNormImpl*> batch_norms_;
  std::unique_ptr<SlotMeeting> meeting_;  // Of syncbn; else null.
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<Ema> ema_;
  TensorMap state_;
  LossScale loss_scale_;
  GradientReducer reducer_;
  TensorMemory tensor_memory_;
  int64_t batch_bytes_ = 0;
  std::optional<int64_t> activation_bytes_;  // Once they are measured.
  Trace* trace_ = nullptr;
  std::function<void()> before_update_ = [] {};
};

}  // namespace voxlift::trainer
