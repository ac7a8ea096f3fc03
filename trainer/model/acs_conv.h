#pragma once
// Axial-coronal-sagittal convolution: 2D kernels on volumes.
//
// Source: Yang et al., "Reinventing 2D convolutions for 3D images", IEEE JBHI
// 2021, DOI 10.1109/JBHI.2021.3049452.

#include <torch/torch.h>

#include <array>
#include <cstdint>

#include "trainer/model/conv.h"

namespace voxlift::trainer {

// Output channels that see planes across the depth, the height and the width:
// three equal parts, of a remainder one more for the first, then the second.
std::array<int64_t, 3> acs_split(int64_t out_channels);

// `weight_OIkk` is that of a 2D convolution. The first part of the output
// channels has its kernels as (1, k, k), the second as (k, 1, k), the third as
// (k, k, 1); stride and output size are those of the cubic convolution that
// `options` describes, along an axis without taps each output sees the centre
// of that convolution's window. The bias (may be undefined) is added last.
// One group. Cost: 1 / k of the cubic convolution.
torch::Tensor acs_conv3d(const torch::Tensor& x_NCDHW,
                         const torch::Tensor& weight_OIkk,
                         const torch::Tensor& bias_O,
                         const ConvOptions& options);

}  // namespace voxlift::trainer
