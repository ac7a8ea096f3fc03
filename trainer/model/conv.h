#pragma once
// The one 3D convolution of voxlift. Space is always (D, H, W).

#include <torch/torch.h>

#include <functional>
#include <string>

#include "trainer/model/conv_options.h"
#include "trainer/model/conv_ways.h"

namespace voxlift::trainer {

// `options` as a network's model.conv wants them: "conv3d" as they are, "2.5d"
// one tap along the depth, "acs" 2D kernels in three directions.
ConvOptions of_kind(const std::string& conv, ConvOptions options);

// Says how a call is computed. `x_needs_gradient`: backward goes on beyond the
// convolution.
using WayChooser =
    std::function<const ConvWay&(const ConvCall& call, bool x_needs_gradient)>;

const ConvWay& choose_by_rule(const ConvCall& call, bool x_needs_gradient);

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

  void set_way_chooser(const WayChooser& choose) { choose_ = choose; }

  const ConvOptions& options() const { return options_; }

  torch::Tensor weight;
  torch::Tensor bias;

 private:
  ConvOptions options_;
  torch::MemoryFormat format_ = torch::MemoryFormat::Contiguous;
  WayChooser choose_ = choose_by_rule;
};

// k x k taps (k odd), padded so that the size stays, with a bias.
ConvOptions plane_conv(int64_t in_channels, int64_t out_channels, int64_t k);

// A 2D convolution, computed as a 3D one of a single plane. Parameters:
// `weight` (O, I, k, k) and `bias` (O), as torch.nn.Conv2d has them.
class PlaneConvImpl : public torch::nn::Module {
 public:
  // As plane_conv() describes it.
  explicit PlaneConvImpl(const ConvOptions& options);

  torch::Tensor forward(const torch::Tensor& x_NCHW);

  void set_way_chooser(const WayChooser& choose) { choose_ = choose; }

  torch::Tensor weight;
  torch::Tensor bias;

 private:
  ConvOptions options_;
  WayChooser choose_ = choose_by_rule;
};

// Throws ConfigError naming `key` unless `name` is "contiguous" or
// "channels_last".
void check_memory_format(const std::string& name, const std::string& key);

// Of every convolution of `model`. "channels_last" is the layout (N, D, H, W,
// C), which a GPU's tensor cores want; other bits than "contiguous". With
// "contiguous" inputs are taken as they are.
void set_memory_format(torch::nn::Module& model, const std::string& name);

// Of every convolution of `model` from now on; ACS kernels and what is in
// "channels_last" have a way of their own.
void set_way_chooser(torch::nn::Module& model, const WayChooser& choose);

TORCH_MODULE(Conv3d);
TORCH_MODULE(PlaneConv);

}  // namespace voxlift::trainer
