#pragma once
// The published network for segmenting lung nodules: a ResNet3D without strides
// in its stem and two joins of deep and shallow maps.
// Source: github.com/urmagicsmine/CSPR at 390a413, medseg, ResNet3DNoStemStride
// with the LIDC head; layers that it never runs are left out.

#include <torch/torch.h>

#include <cstdint>

#include "trainer/model/conv_norm.h"
#include "trainer/model/resnet3d.h"

namespace voxlift::trainer {

struct LidcSegOptions {
  int64_t classes = 2;  // Background included.
  int64_t head_channels = 512;
  // Strides reach the depth axis; no stride and no pool in the stem; stages 2
  // and 4 halve each axis.
  ResNet3DOptions backbone = {.depth_stride = true,
                              .stem_stride = false,
                              .stem_pool = false,
                              .strides = {1, 2, 1, 2}};
};

// Names: `backbone.*`, `decode_head.{deep,shallow,last}.conv.weight` and
// `.bn.*`, `decode_head.conv_seg.*`.
class LidcSegImpl : public torch::nn::Module {
 public:
  explicit LidcSegImpl(const LidcSegOptions& options);

  // Scores (N, classes, D, H, W) of an input (N, C, D, H, W).
  torch::Tensor forward(const torch::Tensor& x_NCDHW);

  ResNet3DImpl& backbone() { return *backbone_; }

 private:
  ResNet3D backbone_{nullptr};
  ConvNorm deep_{nullptr};     // Of stage 2 and the fourth stage.
  ConvNorm shallow_{nullptr};  // Of the stem and what comes from deep_.
  ConvNorm last_{nullptr};
  Conv3d classifier_{nullptr};
};

TORCH_MODULE(LidcSeg);

// As initialize(UNet3DImpl&).
void initialize(LidcSegImpl& model, uint64_t seed);

}  // namespace voxlift::trainer
