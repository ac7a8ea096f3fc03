#pragma once
// `voxlift bench train.step`: the training step on made-up batches.

#include <ostream>

#include "trainer/step_trial.h"

namespace voxlift::launcher {

// COLLECTIVE. Rank 0 writes lines of JSON to `out`: train.step, and, where it
// was measured, train.step.alone and train.step.sync_share, the time of a step
// over that of one without communication, less 1.
void bench_step(const trainer::StepTrialConfig& config,
                trainer::TrainContext& context, std::ostream& out);

}  // namespace voxlift::launcher
