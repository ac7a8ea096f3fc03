#pragma once
// The ways to compute a 3D convolution, all equal up to rounding, and the rules
// that choose one where nothing was measured (trainer/conv_probe.h measures).

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "trainer/model/conv_options.h"

namespace voxlift::trainer {

// All that decides how fast a way is.
struct ConvCall {
  std::array<int64_t, 5> sizes = {};  // Of the input: N, C, D, H, W.
  ConvOptions options;
  torch::ScalarType dtype = torch::kFloat32;
  std::string precision = "float32";  // That autocast makes of float32.
  torch::DeviceType device = torch::kCPU;
  int threads = 1;

  // For instance "cpu float32 1 threads: 4x64x3x56x56, 64 of 3x3x3, stride
  // 1x1x1, padding 1x1x1, dilation 1x1x1, 1 groups".
  std::string key() const;
};

ConvCall call_of(const torch::Tensor& x_NCDHW, const ConvOptions& options);

// How many numbers a call reads and writes, and multiplications of the direct
// sum (forward).
struct ConvSize {
  int64_t inputs = 0;
  int64_t weights = 0;
  int64_t outputs = 0;
  int64_t multiplications = 0;
};

ConvSize size_of(const ConvCall& call);

// Of the output.
int64_t output_size(const ConvCall& call, size_t axis);

// y = compute(x (N, C, D, H, W), weight (O, I / groups, kD, kH, kW), bias (O)
// or undefined, options): what torch::conv3d gives, forward and backward, in
// row-major layout.
using ConvCompute = torch::Tensor (*)(const torch::Tensor& x_NCDHW,
                                      const torch::Tensor& weight,
                                      const torch::Tensor& bias,
                                      const ConvOptions& options);

struct ConvWay {
  std::string name;
  bool (*admits)(const ConvCall& call);
  ConvCompute compute;
};

// - conv3d: LibTorch's own choice.
// - channels_last: the same on (N, D, H, W, C).
// - onednn: oneDNN, where LibTorch 1.13 would take its own im2col: without MKL
//   that multiplies matrices by a BLAS of 4 GFLOP/s.
// - folded, folded_channels_last: the D planes of every input channel become D
//   channels of a 2D convolution, whose weight (O D', I D, kH, kW) holds the
//   depth taps on the diagonals that stay inside the volume and zeros
//   elsewhere. It multiplies by those zeros, too: for few channels and planes,
//   the first layer of a network on photographs.
// - winograd: trainer/model/winograd_conv.h.
// - slices, slices_channels_last: one 2D convolution per depth tap, over slices
//   as samples; the sums of the taps shifted against each other.
const std::vector<ConvWay>& conv_ways();

// Throws InternalError if there is none of that name.
const ConvWay& conv_way(const std::string& name);

// The way that was measured to win on processors (docs/training_step.md):
// folded for one channel, at most four planes and a kernel that reaches over
// them (2.2 to 3.9 times conv3d); winograd for large planes (1.8 times); onednn
// where LibTorch misses it (9 to 40 times); else conv3d. Depends on nothing but
// the call and the LibTorch.
const ConvWay& rule_for(const ConvCall& call);

}  // namespace voxlift::trainer
