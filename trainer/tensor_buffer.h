#pragma once
// Tensors as buffers of a communicator, and arithmetic where they live.

#include <torch/torch.h>

#include "trainer/comm/communicator.h"
#include "trainer/comm/tree_reduce.h"

namespace voxlift::trainer {

// The tensor's memory; it must be contiguous float32, float64, int64 or uint8.
Buffer buffer_of_tensor(const torch::Tensor& tensor);

// Additions on the host for CPU tensors, on the device for others.
TreeArithmetic arithmetic_on(const torch::Device& device);

}  // namespace voxlift::trainer
