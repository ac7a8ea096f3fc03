#pragma once
// `voxlift bench train.checkpoint`: what a checkpoint costs the training.

#include <array>
#include <cstdint>
#include <ostream>

#include "trainer/train_config.h"
#include "trainer/train_context.h"

namespace voxlift::launcher {

struct CheckpointBenchConfig {
  trainer::TrainConfig train;  // run.out: where to write, kept.
  std::array<int64_t, 3> shape = {3, 112, 112};
  int64_t warmup = 1;  // Rounds that are not reported.
  int64_t rounds = 5;
  int64_t steps = 4;  // Of a round; the checkpoint is taken after the first.

  void validate() const;  // Throws ConfigError.
};

// COLLECTIVE. Trains on random voxels and takes a checkpoint in every round.
// Rank 0 writes lines of JSON to `out`:
//   train.checkpoint.stall  seconds that its training has waited or worked for
//                           a checkpoint
//   train.checkpoint.wall   seconds until the checkpoint was there
//   train.checkpoint.step   of the step that follows the snapshot
//   train.checkpoint.plain  of a step with no checkpoint in flight
void bench_checkpoint(const CheckpointBenchConfig& config,
                      trainer::TrainContext& context, std::ostream& out);

}  // namespace voxlift::launcher
