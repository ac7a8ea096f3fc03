#pragma once
// Max pooling of volumes.

#include <torch/torch.h>

#include "trainer/model/conv.h"

namespace voxlift::trainer {

// max_pool3d with a 3x3x3 window and padding 1. Values, and the voxel that gets
// the gradient where several are equal (the first in memory), are those of
// torch::max_pool3d, which also computes whatever is not float32 on the CPU.
//
// How: the maximum of a window is taken along the width, then the height, then
// the depth, and one byte per output keeps where it lay, where torch keeps
// eight. On the three planes of a photograph about ten times faster.
torch::Tensor max_pool_3x3x3(const torch::Tensor& x_NCDHW,
                             const Triple& stride);

}  // namespace voxlift::trainer
