#pragma once
// The fully connected layer.

#include <torch/torch.h>

namespace voxlift::trainer {

// x (N, I) times `layer`'s weight (O, I) plus its bias: layer->forward(x), by
// oneDNN where LibTorch has no MKL and would leave a large product to the
// system's BLAS (Debian's default one: 4 GFLOP/s of a core's 160; oneDNN: 83).
torch::Tensor dense(torch::nn::Linear layer, const torch::Tensor& x_NI);

}  // namespace voxlift::trainer
