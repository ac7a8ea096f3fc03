#pragma once
// Training steps on made-up batches, timed: what `voxlift bench train.step`
// runs.

#include <cstdint>
#include <string>
#include <vector>

#include "dataio/volume.h"
#include "trainer/input/made_up_batch.h"
#include "trainer/model/conv_plan.h"
#include "trainer/report/op_times.h"
#include "trainer/train_config.h"
#include "trainer/train_context.h"

namespace voxlift::trainer {

struct StepTrialConfig {
  TrainConfig train;  // Sections model, batch, reduce, sgd, loss and run.
  dataio::Shape3 shape = {3, 224, 224};  // Of one sample, one channel.
  int64_t warmup = 2;                    // Steps that are not timed.
  int64_t steps = 10;
  // Follow every step by one of the same rank's slots without communication.
  bool alone = true;
  // Watch the operators of one more step, and note its convolutions.
  bool watch_operators = false;

  void validate() const;  // Throws ConfigError.
};

MadeUpBatch batch_of(const StepTrialConfig& config);

// "0", "1", ...
std::vector<std::string> numbered_classes(int64_t count);

// One value per timed step: of the rank that took longest.
struct StepTrialResult {
  std::vector<double> step_s;
  std::vector<double> cpu_s;        // Of all threads of the rank.
  std::vector<double> comm_wait_s;  // Part of step_s.
  std::vector<double> alone_s;      // Empty unless asked for.
  int64_t parameter_bytes = 0;
  OpTotals operators;  // Of rank 0's watched step.
  double watched_s = 0.0;
  std::vector<ObservedConv> convs;
};

// COLLECTIVE. The same on every rank. Ranks meet before every step, so that no
// step pays for the drift of the one before; that meeting is not timed.
// Throws ConfigError as training does.
StepTrialResult run_step_trial(const StepTrialConfig& config,
                               TrainContext& context);

}  // namespace voxlift::trainer
