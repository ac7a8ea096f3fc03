#pragma once
// Convolution, norm and ReLU as one layer.

#include <torch/torch.h>

#include "trainer/model/conv.h"
#include "trainer/model/norm.h"

namespace voxlift::trainer {

// relu(norm(conv(x))). Parameters: `conv.*` and `bn.*` or `gn.*`, the names of
// the published files' conv modules.
class ConvNormImpl : public torch::nn::Module {
 public:
  ConvNormImpl(const ConvOptions& conv, const NormOptions& norm);

  torch::Tensor forward(const torch::Tensor& x_NCDHW);

  // The parts, for whoever has something to do between them.
  Conv3dImpl& conv() { return *conv_; }

  NormImpl& norm() { return *norm_; }

 private:
  Conv3d conv_{nullptr};
  Norm norm_;
};

TORCH_MODULE(ConvNorm);

}  // namespace voxlift::trainer
