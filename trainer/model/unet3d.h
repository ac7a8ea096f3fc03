#pragma once
// UNet3D: a ResNet3D with a decoder, one class score per voxel.
//
// Source: the segmentation networks of Zhang et al., Neurocomputing 2023, DOI
// 10.1016/j.neucom.2023.01.012, after Cicek et al., MICCAI 2016, DOI
// 10.1007/978-3-319-46723-8_49. Parameter names are those of the published
// files.

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "trainer/model/conv_norm.h"
#include "trainer/model/resnet3d.h"

namespace voxlift::trainer {

struct UNet3DOptions {
  int64_t classes = 2;  // Background included.
  int64_t head_channels = 16;
  double dropout = 0.1;  // Of whole channels, before the classifier.
  // Strides reach the depth axis; the first convolution has stride 1, and the
  // max pool of 2 stays.
  ResNet3DOptions backbone = {
      .depth_stride = true, .stem_stride = false, .stem_pool = true};
};

// One level of the decoder: `deep` comes up to the size of `skip` (trilinear,
// half-pixel centres), is brought to its channels, joined and convolved twice
// (by convolutions of the backbone's kind; what is 1x1x1 is a Conv3d in all).
class UpBlockImpl : public torch::nn::Module {
 public:
  UpBlockImpl(int64_t deep_channels, int64_t skip_channels,
              const ResNet3DOptions& backbone);

  // Both (N, C, D, H, W); returns the shape of `skip`.
  torch::Tensor forward(const torch::Tensor& deep_NCDHW,
                        const torch::Tensor& skip_NCDHW);

 private:
  ConvNorm reduce_{nullptr};
  ConvNorm conv1_{nullptr};
  ConvNorm conv2_{nullptr};
};

TORCH_MODULE(UpBlock);

class UNet3DImpl : public torch::nn::Module {
 public:
  struct Outputs {
    torch::Tensor stem;
    std::vector<torch::Tensor> stages;
    torch::Tensor decoder_top;
    torch::Tensor logits_NKDHW;
  };

  explicit UNet3DImpl(const UNet3DOptions& options);

  // Scores (N, classes, D, H, W) of an input (N, C, D, H, W). Dropout as in
  // trainer/model/dropout.h.
  torch::Tensor forward(const torch::Tensor& x_NCDHW);

  // The same, with what lies between.
  Outputs forward_all(const torch::Tensor& x_NCDHW);

  ResNet3DImpl& backbone() { return *backbone_; }

 private:
  void build_decoder();
  void build_head();

  UNet3DOptions options_;
  ResNet3D backbone_{nullptr};
  std::vector<UpBlock> decoder_;  // From the deepest level up.
  std::vector<ConvNorm> head_;
  Conv3d classifier_{nullptr};
};

TORCH_MODULE(UNet3D);

// Fills every parameter from `seed`: convolutions of the decoder and head
// N(0, 2 / fan out), those of the backbone uniform in +-sqrt(6 / (fan in + fan
// out)), the classifier N(0, 0.01^2), norms one and zero, the last norm of each
// block zero where the options say so. Source: the published code's start.
void initialize(UNet3DImpl& model, uint64_t seed);

}  // namespace voxlift::trainer
