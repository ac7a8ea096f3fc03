#pragma once
// What a run tells: the progress line and log.jsonl.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/progress.h"
#include "trainer/optim/schedule.h"
#include "trainer/run_state.h"

namespace voxlift::trainer {

// A gradient overflowed and the dynamic loss scale has been lowered for it.
constexpr const char* kLoweredScale = "lowered loss scale";

// Over all slots of all ranks.
struct StepTotals {
  std::vector<double> sums;  // One per metric, "loss" first.
  int64_t samples = 0;
  bool stop = false;                // Some rank wants to stop.
  std::vector<double> slot_losses;  // Summed over each slot's samples.
  double grad_norm = 0.0;           // Before clipping.
  double loss_scale = 1.0;          // With which the step was computed.
  // Why the weights did not move: "loss" or "gradient" (not finite),
  // kLoweredScale; empty: they did.
  std::string skipped;
};

struct StepTiming {
  double lr = 0.0;
  double step_s = 0.0;
  // Since the process started: totals, not of this step.
  double data_wait_s = 0.0;
  double comm_wait_s = 0.0;
};

// A checkpoint that is on disk.
struct CheckpointReport {
  int64_t step = 0;
  int64_t bytes = 0;     // Of weights and optimizer.
  double wall_s = 0.0;   // From the snapshot until all ranks knew it was there.
  double stall_s = 0.0;  // Of that, what rank 0's training has lost.
};

// One thread. A report with an empty `out_dir` says nothing (ranks but 0).
class StepReport {
 public:
  StepReport(const std::string& out_dir, std::vector<std::string> sum_names,
             int64_t total_samples, const Clock& clock);

  void start(const RunState& state, int world_size);
  // `state` before the step; means over its samples are shown.
  void step(const RunState& state, const RunPosition& position,
            const StepTotals& totals, const StepTiming& timing);
  void evaluation(const RunState& state);
  void checkpoint(const CheckpointReport& report);

  // A line for log.jsonl as it is.
  void event(const Json& line) { log_->append(line); }

  void end(const RunState& state, bool finished);

 private:
  std::vector<std::string> sum_names_;
  const Clock& clock_;
  std::unique_ptr<JsonLines> log_;
  ProgressLine progress_;
  double compute_s_ = 0.0;
  double data_wait_s_ = 0.0;
  double comm_wait_s_ = 0.0;
};

}  // namespace voxlift::trainer
