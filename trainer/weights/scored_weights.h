#pragma once
// Which of a checkpoint's weights count.

#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/weights/tensor_map.h"

namespace voxlift::trainer {

// What the run's own evaluations score: the running mean of the weights where
// the run keeps one and says so (ema.decay, ema.evaluate), else the weights.
TensorMap scored_weights(const Checkpoint& checkpoint);

}  // namespace voxlift::trainer
