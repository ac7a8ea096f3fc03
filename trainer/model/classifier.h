#pragma once
// Backbone, global average pool and a linear head.

#include <torch/torch.h>

#include <cstdint>

#include "trainer/model/model_config.h"

namespace voxlift::trainer {

// Names: `backbone.*`, `head.fc.weight` (classes, C), `head.fc.bias`.
class ClassifierImpl : public torch::nn::Module {
 public:
  struct Outputs {
    std::vector<torch::Tensor> stages;
    torch::Tensor pooled_NC;
    torch::Tensor logits_NK;
  };

  explicit ClassifierImpl(const ModelConfig& config);

  // Logits (N, classes). Dropout draws as trainer/model/dropout.h says.
  torch::Tensor forward(const torch::Tensor& x_NCDHW);

  // What the head averages over D, H, W: (N, C, d, h, w), of the head's type.
  torch::Tensor features(const torch::Tensor& x_NCDHW);

  // As forward, with what lies between.
  Outputs forward_all(const torch::Tensor& x_NCDHW);

  ResNet3DImpl& backbone() { return *backbone_; }

 private:
  double dropout_;
  ResNet3D backbone_{nullptr};
  torch::nn::Linear fc_{nullptr};
};

TORCH_MODULE(Classifier);

// Fills every parameter from `seed`: convolutions uniform in +-1/sqrt(fan in),
// norms one and zero, the last norm of each block zero where the options say
// so, the head N(0, 0.01^2) with zero bias. Each tensor's draws depend on seed
// and name only. Source: the published code's own start (PyTorch defaults).
void initialize(ClassifierImpl& model, uint64_t seed);

}  // namespace voxlift::trainer
