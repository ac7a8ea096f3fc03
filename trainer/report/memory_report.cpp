#include "trainer/report/memory_report.h"

#include "base/log.h"

namespace voxlift::trainer {

void MemoryReport::plan(const std::optional<MemoryPlan>& memory,
                        StepReport& report) {
  if (!memory.has_value() || plan_.has_value()) {
    return;
  }
  plan_ = memory;
  plan_->process = process_bytes_;
  // And one in the step's hands, and one as a tensor.
  plan_->loader *= run_.batches_ahead + 2;
  plan_->checkpoint = (plan_->weights + plan_->optimizer) / run_.num_ranks;
  log_info("memory of a rank: " + plan_->text());
  Json line = plan_->to_json();
  line["type"] = "memory_plan";
  report.event(line);
}

void MemoryReport::peak(StepReport& report) {
  if (!plan_.has_value() || compared_) {
    return;
  }
  compared_ = true;
  const int64_t peak = process_memory().peak_bytes;
  report.event({{"type", "memory_peak"},
                {"host_bytes", peak},
                {"of_plan", static_cast<double>(peak) /
                                static_cast<double>(plan_->total())}});
}

}  // namespace voxlift::trainer
