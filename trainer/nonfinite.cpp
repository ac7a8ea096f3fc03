#include "trainer/nonfinite.h"

#include <array>
#include <cstdio>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

std::string record_path(const std::string& out, int64_t step) {
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "nonfinite_step_%08lld.json",
                static_cast<long long>(step));
  return join_path(out, name.data());
}

Json slot_records(const StepPlan& plan, const StepTotals& totals,
                  const sharding::AssignmentConfig& assignment,
                  int64_t steps_per_epoch) {
  const sharding::EpochAssignment order(assignment,
                                        plan.step / steps_per_epoch);
  Json records = Json::array();
  for (int64_t slot = 0; slot < assignment.slots; ++slot) {
    records.push_back(
        {{"slot", slot},
         {"loss_sum", totals.slot_losses.at(static_cast<size_t>(slot))},
         {"sample_ids",
          order.slot_samples(plan.step % steps_per_epoch, slot)}});
  }
  return records;
}

}  // namespace

bool is_nonfinite(const StepTotals& totals) {
  return !totals.skipped.empty() && totals.skipped != kLoweredScale;
}

void record_nonfinite(const NonfiniteConfig& config, const StepPlan& plan,
                      const StepTotals& totals,
                      const sharding::AssignmentConfig& assignment,
                      int64_t steps_per_epoch, Files& files, RunState* state) {
  ++state->nonfinite_in_row;
  ++state->nonfinite_steps;
  const std::string path = record_path(config.out, plan.step);
  const std::string what =
      str_cat("the ", totals.skipped, " of step ", plan.step,
              " is not finite (learning rate ", plan.lr, ")");
  if (config.is_root) {
    log_warning(str_cat(what, ": the step is skipped, ",
                        state->nonfinite_in_row, " of at most ",
                        config.max_in_row, " in a row; its samples: '", path,
                        "'"));
    // What is not finite becomes null.
    const Json record = {
        {"step", plan.step},
        {"epoch", plan.step / steps_per_epoch},
        {"not_finite", totals.skipped},
        {"lr", plan.lr},
        {"loss_scale", totals.loss_scale},
        {"slots", slot_records(plan, totals, assignment, steps_per_epoch)}};
    files.publish(path, record.dump(2) + "\n");
  }
  if (state->nonfinite_in_row >= config.max_in_row) {
    throw ConfigError(
        str_cat(what, ", the last of ", state->nonfinite_in_row,
                " in a row (run.max_nonfinite): lower schedule.lr or raise ",
                "schedule.warmup_steps; samples: '", path, "'"));
  }
}

}  // namespace voxlift::trainer
