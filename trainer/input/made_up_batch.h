#pragma once
// A batch of random voxels: for timing, where what they show does not matter.

#include <torch/torch.h>

#include <cstdint>

#include "dataio/volume.h"
#include "trainer/task/task.h"

namespace voxlift::trainer {

struct MadeUpBatch {
  int64_t samples = 1;
  int64_t channels = 1;
  dataio::Shape3 shape = {3, 224, 224};  // Of one sample.
  int64_t classes = 2;
};

// Normal voxels, uniform labels and masks, one box of a quarter of the sides in
// every sample's first slice. The same for the same seed of torch.
Batch make_up_batch(const MadeUpBatch& wanted, const torch::Device& device);

}  // namespace voxlift::trainer
