#pragma once
// 3D convolution through oneDNN's Winograd kernels: a quarter of the
// multiplications of a plane, and two transforms. Calls oneDNN itself, for
// LibTorch only uses its direct kernels.
//
// Source: Lavin and Gray, "Fast algorithms for convolutional neural networks",
// CVPR 2016, DOI 10.1109/CVPR.2016.435, F(4 x 4, 3 x 3). Largest errors
// seen: 1e-6 to 3e-6 of the largest value, the direct sum's 3e-7 to 5e-7.

#include <torch/torch.h>

#include "trainer/model/conv_options.h"

namespace voxlift::trainer {

struct ConvCall;

// float32 on a processor with AVX-512, kernel (k, 3, 3), no stride, no
// dilation, one group, channels in sixteens, planes padded by one, and a oneDNN
// 2.x at build time. Asks oneDNN, and remembers the answer.
bool admits_winograd(const ConvCall& call);

// torch::conv3d's output and gradients. Planes are convolved by one depth tap
// after the other, which add to the same output. Where admits_winograd().
// Throws InternalError without oneDNN.
torch::Tensor winograd_conv3d(const torch::Tensor& x_NCDHW,
                              const torch::Tensor& weight,
                              const torch::Tensor& bias,
                              const ConvOptions& options);

}  // namespace voxlift::trainer
