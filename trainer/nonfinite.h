#pragma once
// Steps whose loss or gradient is not finite: named, written down, bounded.

#include <vector>

#include "base/files.h"
#include "sharding/assignment.h"
#include "trainer/report/step_report.h"
#include "trainer/run_state.h"
#include "trainer/train_step.h"

namespace voxlift::trainer {

struct NonfiniteConfig {
  std::string out;          // Folder for the records.
  int64_t max_in_row = 10;  // So many end the run.
  bool is_root = true;      // Writes records and log.
};

// Was the step skipped because of its loss or gradient? One that only lowered
// a dynamic loss scale was not: that is how the scale is found.
bool is_nonfinite(const StepTotals& totals);

// Counts such a step in `state`; rank 0 logs a line and writes
// OUT/nonfinite_step_NNNNNNNN.json with the sample ids and the loss of every
// slot.
//
// Every rank calls it with the same values. Throws ConfigError, the same on
// every rank, at the max_in_row-th skipped step in a row; IoError.
void record_nonfinite(const NonfiniteConfig& config, const StepPlan& plan,
                      const StepTotals& totals,
                      const sharding::AssignmentConfig& assignment,
                      int64_t steps_per_epoch, Files& files, RunState* state);

}  // namespace voxlift::trainer
