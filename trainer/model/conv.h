#pragma once
// The one 3D convolution of voxlift. Space is always (D, H, W).

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <string>

namespace voxlift::trainer {

using Triple = std::array<int64_t, 3>;

// The same number along depth, height and width.
constexpr Triple cube(int64_t n) {
  return {n, n, n};
}

struct ConvOptions {
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  Triple kernel = cube(1);
  Triple stride = cube(1);
  Triple padding = cube(0);
  Triple dilation = cube(1);
  int64_t groups = 1;
  bool bias = false;
  // The weight is a 2D convolution's, (O, I, k, k): trainer/model/acs_conv.h.
  // Of a cubic kernel in one group.
  bool acs = false;
};

// `options` as a network's model.conv wants them: "conv3d" as they are, "2.5d"
// one tap along the depth, "acs" 2D kernels in three directions.
ConvOptions of_kind(const std::string& conv, ConvOptions options);

// Cross-correlation as torch.nn.Conv3d computes it. Parameters: `weight`
// (O, I / groups, kD, kH, kW), or (O, I, k, k) with `acs`, and, if asked for,
// `bias` (O).
class Conv3dImpl : public torch::nn::Module {
 public:
  explicit Conv3dImpl(const ConvOptions& options);

  torch::Tensor forward(const torch::Tensor& x_NCDHW);

  // From now on the input is brought into this layout. cuDNN leaves the output
  // in it, and so does what follows; oneDNN of LibTorch 1.13 gives rows back.
  // Weights stay row-major, and so do their gradients' sums and checkpoints.
  void set_memory_format(torch::MemoryFormat format) { format_ = format; }

  const ConvOptions& options() const { return options_; }

  torch::Tensor weight;
  torch::Tensor bias;

 private:
  ConvOptions options_;
  torch::MemoryFormat format_ = torch::MemoryFormat::Contiguous;
};

// Throws ConfigError naming `key` unless `name` is "contiguous" or
// "channels_last".
void check_memory_format(const std::string& name, const std::string& key);

// Of every convolution of `model`. "channels_last" is the layout (N, D, H, W,
// C), which a GPU's tensor cores want; other bits than "contiguous". With
// "contiguous" inputs are taken as they are.
void set_memory_format(torch::nn::Module& model, const std::string& name);

TORCH_MODULE(Conv3d);

}  // namespace voxlift::trainer
