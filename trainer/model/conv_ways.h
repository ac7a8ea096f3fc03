#pragma once
// Other ways to compute a 3D convolution, equal up to rounding.

#include <torch/torch.h>

#include "trainer/model/conv.h"

namespace voxlift::trainer {

// Depth folded into channels: the D planes of every input channel become D
// channels of a 2D convolution, whose weight (O * D', I * D, kH, kW) holds the
// kernel's depth taps on the diagonals that stay inside the volume and zeros
// elsewhere. Exact up to the order of additions (about 1e-6 relative), forward
// and backward. It multiplies by those zeros, too, so it pays only for few
// channels and few planes: the first layer of a network on photographs.
torch::Tensor folded_conv3d(const torch::Tensor& x_NCDHW,
                            const torch::Tensor& weight,
                            const torch::Tensor& bias,
                            const ConvOptions& options);

// Where folding is admissible (one group, no stride and no dilation along the
// depth) and has been measured to win: one channel, at most four planes, a
// kernel that reaches over the planes, float32 on the CPU. Three planes of 224
// px with 7x7x7 taps: 2.2 to 3.9 times conv3d's speed (oneDNN 2.6).
bool folding_wins(const torch::Tensor& x_NCDHW, const ConvOptions& options);

}  // namespace voxlift::trainer
