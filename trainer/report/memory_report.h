#pragma once
// The plan of a run's memory, and what became of it.

#include <cstdint>
#include <optional>

#include "base/process_memory.h"
#include "trainer/memory_plan.h"
#include "trainer/report/step_report.h"

namespace voxlift::trainer {

// Writes "memory_plan" and "memory_peak" once each into the run's log. Made
// before the network, whose memory the plan counts by itself. One thread.
class MemoryReport {
 public:
  // What of a run the network does not know.
  struct Run {
    int64_t batches_ahead = 0;  // Decoded ahead (data.prefetch_batches).
    int64_t num_ranks = 1;      // That share the bytes of a checkpoint.
  };

  explicit MemoryReport(const Run& run) : run_(run) {}

  // `memory`: of the step; its loader's part is one batch. Nothing happens
  // before it is known, and after the first time.
  void plan(const std::optional<MemoryPlan>& memory, StepReport& report);

  // Of the host so far, beside the plan. On a GPU the plan's largest parts are
  // the device's, so that the share says little.
  void peak(StepReport& report);

 private:
  Run run_;
  int64_t process_bytes_ = process_memory().resident_bytes;
  std::optional<MemoryPlan> plan_;
  bool compared_ = false;
};

}  // namespace voxlift::trainer
