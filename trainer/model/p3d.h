#pragma once
// P3D and MP3D: pseudo-3D residual networks whose stages give 2D maps of the
// middle slice, for detection.
//
// Source: Zhang et al., "Revisiting 3D context modeling with supervised
// pre-training for universal lesion detection in CT slices", MICCAI 2020, arXiv
// 2012.08770; blocks: Qiu et al., ICCV 2017, DOI 10.1109/ICCV.2017.590.
// Parameter names are those of the published files.

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/model/conv.h"
#include "trainer/model/norm.h"

namespace voxlift::trainer {

struct P3dOptions {
  // "18", "63", "131", "199" (bottlenecks); "18ba", "34ba" (basic blocks).
  std::string depth = "18ba";
  // Mixes depth in the first pool and keeps all slices in every stage (MP3D);
  // false: pools them away between the stages, 9 to 5 to 3 to 1 (P3D).
  bool modified = true;
  // How an MP3D stage becomes 2D: "center_crop", "groupconv" (weights over the
  // slices of each channel), "conv3d" (and over channels) or "keep3d" (not).
  std::string conversion = "groupconv";
  int64_t slices = 9;  // D of the input, for groupconv and conv3d.
  int64_t in_channels = 1;
  int64_t base_channels = 64;  // Of stem and first stage.
  NormOptions norm = {.kind = "gn", .groups = 32};

  // Throws ConfigError naming `path`.field and the legal values.
  void validate(const std::string& path) const;
};

// The three ways to join a spatial (1, 3, 3) and a temporal (3, 1, 1)
// convolution: in series, side by side, and in series with a bypass.
enum class P3dType { kA, kB, kC };

// One residual block. Basic: two units of its type. Bottleneck: 1x1x1, one
// unit, 1x1x1 to four times the width.
class P3dBlockImpl : public torch::nn::Module {
 public:
  struct Place {  // Where in the network: decides channels and strides.
    P3dType type = P3dType::kA;
    bool bottleneck = false;
    int64_t in_channels = 0;
    int64_t width = 0;
    Triple stride = cube(1);
  };

  P3dBlockImpl(const Place& place, const NormOptions& norm);

  torch::Tensor forward(const torch::Tensor& x_NCDHW);

 private:
  void add_layer(const NormOptions& norm, const ConvOptions& conv);
  void build_basic(const NormOptions& norm);
  void build_bottleneck(const NormOptions& norm);
  void build_shortcut(const NormOptions& norm);
  // norm(conv(x)) of layer i.
  torch::Tensor layer(size_t i, const torch::Tensor& x_NCDHW);
  // The unit of this block's type out of the layers i (spatial) and i + 1.
  torch::Tensor unit(size_t i, const torch::Tensor& x_NCDHW);

  Place place_;
  std::vector<Conv3d> convs_;
  std::vector<Norm> norms_;
  torch::nn::Sequential downsample_{nullptr};
};

TORCH_MODULE(P3dBlock);

class P3dBackboneImpl : public torch::nn::Module {
 public:
  explicit P3dBackboneImpl(const P3dOptions& options);

  // Maps of the four stages of an input (N, C, D, H, W): (N, C_s, H / 2^(s+2),
  // W / 2^(s+2)), s = 0..3; with "keep3d" (N, C_s, D, ...).
  std::vector<torch::Tensor> forward(const torch::Tensor& x_NCDHW);

  // C_s of the four stages.
  std::vector<int64_t> out_channels() const;

 private:
  void build_stages();
  void build_conversions();
  torch::Tensor to_2d(size_t stage, const torch::Tensor& y_NCDHW) const;

  P3dOptions options_;
  Conv3d stem_{nullptr};
  Norm stem_norm_;
  std::vector<std::vector<P3dBlock>> stages_;
  std::vector<torch::Tensor> conversion_weights_;
};

TORCH_MODULE(P3dBackbone);

// Fills every parameter from `seed`: 3D convolutions uniform in
// +-sqrt(6 / (fan in + fan out)), groupconv N(0, 2 / fan out), norms one and
// zero. Source: the published code's start.
void initialize(P3dBackboneImpl& model, uint64_t seed);

}  // namespace voxlift::trainer
