#pragma once
// Training from the first step, or from a checkpoint, to the last.

#include <cstdint>

#include "base/json.h"
#include "trainer/train_config.h"
#include "trainer/train_context.h"

namespace voxlift::trainer {

struct TrainOutcome {
  bool finished = false;  // False: stopped on request, checkpoint written.
  int64_t steps = 0;      // Done since the beginning of the run.
  Json scores;            // Of the last evaluation; null without one.
};

// COLLECTIVE. Below config.run.out it keeps
//   checkpoints/step_NNNNNNNN/   (docs/checkpoint_format.md)
//   log.jsonl                    a line per step, evaluation, start and end
//   result.json                  scores and final checkpoint, once finished
// It resumes from the newest good checkpoint; damaged ones are named in the
// log. A run that has finished returns at once.
//
// Weights after every step depend on configuration and data only, not on the
// number of ranks and not on interruptions (docs/determinism.md).
//
// Throws ConfigError if the world size does not divide the slots, or if a
// checkpoint belongs to another run (both values are named); DataError for a
// damaged sample; IoError if a checkpoint cannot be written; CommError.
TrainOutcome train(const TrainConfig& config, TrainContext& context);

}  // namespace voxlift::trainer
