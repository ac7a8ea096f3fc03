#pragma once
// ResNet3D: the published 3D residual networks, built from their options.
//
// Source: Zhang et al., "Advancing 3D medical image analysis with variable
// dimension transform based supervised 3D pre-training", Neurocomputing 2023,
// DOI 10.1016/j.neucom.2023.01.012; blocks: He et al., CVPR 2016,
// DOI 10.1109/CVPR.2016.90. Parameter names are those of the published files.
//
// Shape legend: N batch, C channels, D depth, H height, W width.

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "trainer/model/conv.h"
#include "trainer/model/norm.h"

namespace voxlift::trainer {

struct ResNet3DOptions {
  // "18", "34" (basic blocks); "50", "101", "152" (bottlenecks).
  std::string depth = "18";
  int64_t in_channels = 1;
  int64_t stem_channels = 64;
  int64_t base_channels = 64;  // Of the first stage; each next doubles them.
  // Strides of stem, pool and stages reach the depth axis, too. Pre-training
  // keeps its three planes (false); scans are halved in depth as well (true).
  bool depth_stride = false;
  // False: the first convolution has stride 1 and there is no max pool, unless
  // stem_pool asks for it (the segmentation networks).
  bool stem_stride = true;
  bool stem_pool = false;
  std::array<int64_t, 4> strides = {1, 2, 2, 2};
  std::array<int64_t, 4> dilations = {1, 1, 1, 1};
  // "B": 1x1x1 convolution and norm; "A": subsample, pad channels with zeros.
  std::string shortcut = "B";
  // "pytorch": a bottleneck strides in its 3x3x3; "caffe": in its first 1x1x1.
  std::string style = "pytorch";
  // "conv3d"; "acs" and "2.5d": kernels of 2D networks, in three directions or
  // in plane (trainer/weights/convert.h).
  std::string conv = "conv3d";
  // The first block has a shortcut B even where it needs none, as some early
  // files have it.
  bool force_downsample = false;
  bool deep_stem = false;  // Three 3x3x3 convolutions instead of the 7x7x7.
  bool avg_down = false;   // Average pool before the shortcut's convolution.
  bool zero_init_residual = true;
  // Stages keep only their input and are computed again in backward: the same
  // bits in less memory and about a third more time. Not with "syncbn".
  bool checkpoint_activations = false;
  NormOptions norm = {};

  // Throws ConfigError naming `path`.field and the legal values.
  void validate(const std::string& path) const;
};

// One residual block. Basic: two 3x3x3. Bottleneck: 1x1x1, 3x3x3, 1x1x1 to four
// times the width. Input (N, C, D, H, W).
class ResidualBlockImpl : public torch::nn::Module {
 public:
  struct Place {  // Where in the network: decides channels and strides.
    int64_t in_channels = 0;
    int64_t width = 0;
    Triple stride = cube(1);
    int64_t dilation = 1;
    bool is_first = false;
  };

  ResidualBlockImpl(const ResNet3DOptions& options, const Place& place);

  torch::Tensor forward(const torch::Tensor& x_NCDHW);

  // The norm before the addition: its weight starts at zero where asked for.
  NormImpl& last_norm() { return *norms_.back(); }

  static int64_t expansion(const ResNet3DOptions& options);

 private:
  void add_layer(const ResNet3DOptions& options, const ConvOptions& conv);
  void build_shortcut(const ResNet3DOptions& options, const Place& place);
  torch::Tensor shortcut(const torch::Tensor& x_NCDHW);

  std::vector<Conv3d> convs_;
  std::vector<Norm> norms_;
  // Shortcut B: pool (or nothing), convolution, norm. Empty: identity or A.
  torch::nn::Sequential downsample_{nullptr};
  bool pad_channels_ = false;  // Shortcut A.
  Triple stride_ = cube(1);
  int64_t out_channels_ = 0;
};

TORCH_MODULE(ResidualBlock);

// The backbone: stem and four stages.
class ResNet3DImpl : public torch::nn::Module {
 public:
  explicit ResNet3DImpl(const ResNet3DOptions& options);

  // (N, C, D, H, W), or (N, D, H, W) for one channel: the planes of a
  // photograph are its depth. Returns the outputs of the four stages; at
  // depth_stride false, stem_stride true: (N, w 2^s, D, H / 2^(s+2), W /
  // 2^(s+2)), s = 0..3, w = base_channels (4 w for bottlenecks).
  // `stem_output`, where given, gets the stem's output before the pool.
  std::vector<torch::Tensor> forward(torch::Tensor x_NCDHW,
                                     torch::Tensor* stem_output = nullptr);

  int64_t out_channels() const { return all_channels().back(); }

  // Of the stem and the four stages.
  std::vector<int64_t> all_channels() const;

  const ResNet3DOptions& options() const { return options_; }

  // The norms whose weight starts at zero (zero_init_residual).
  std::vector<NormImpl*> residual_norms();

 private:
  static torch::Tensor run_blocks(std::vector<ResidualBlock>& blocks,
                                  torch::Tensor x_NCDHW);
  void build_stem();
  void build_stages();
  // Before its last ReLU.
  torch::Tensor stem(torch::Tensor x_NCDHW);
  torch::Tensor pool(const torch::Tensor& x_NCDHW) const;

  ResNet3DOptions options_;
  std::vector<Conv3d> stem_convs_;
  std::vector<Norm> stem_norms_;
  Triple pool_stride_ = cube(1);
  std::vector<std::vector<ResidualBlock>> stages_;
};

TORCH_MODULE(ResNet3D);

// The weights of residual_norms() become zero where the options say so.
void zero_residual_norms(ResNet3DImpl& model);

}  // namespace voxlift::trainer
