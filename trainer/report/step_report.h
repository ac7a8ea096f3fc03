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

// Over all slots of all ranks.
struct StepTotals {
  std::vector<double> sums;  // One per metric, "loss" first.
  int64_t samples = 0;
  bool stop = false;  // Some rank wants to stop.
};

struct StepTiming {
  double lr = 0.0;
  double step_s = 0.0;
  // Since the process started: totals, not of this step.
  double data_wait_s = 0.0;
  double comm_wait_s = 0.0;
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
