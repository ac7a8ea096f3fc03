#include "trainer/model/classifier.h"

#include <cmath>

#include "base/error.h"
#include "trainer/model/dropout.h"
#include "trainer/model/init.h"

namespace voxlift::trainer {

ClassifierImpl::ClassifierImpl(const ModelConfig& config)
    : dropout_(config.dropout) {
  config.validate("model.");
  VOXLIFT_CHECK(config.classes > 0, "the number of classes is not resolved");
  backbone_ = register_module("backbone", ResNet3D(config.resnet));
  auto head = std::make_shared<torch::nn::Module>();
  fc_ = head->register_module(
      "fc", torch::nn::Linear(backbone_->out_channels(), config.classes));
  register_module("head", head);
}

torch::Tensor ClassifierImpl::features(const torch::Tensor& x_NCDHW) {
  return backbone_->forward(x_NCDHW).back().to(fc_->weight.scalar_type());
}

ClassifierImpl::Outputs ClassifierImpl::forward_all(
    const torch::Tensor& x_NCDHW) {
  Outputs out;
  out.stages = backbone_->forward(x_NCDHW);
  out.pooled_NC =
      out.stages.back().to(fc_->weight.scalar_type()).mean({2, 3, 4});
  const torch::Tensor kept = dropout_ > 0.0 && is_training()
                                 ? dropout(out.pooled_NC, dropout_)
                                 : out.pooled_NC;
  out.logits_NK = fc_->forward(kept);
  return out;
}

torch::Tensor ClassifierImpl::forward(const torch::Tensor& x_NCDHW) {
  return forward_all(x_NCDHW).logits_NK;
}

void initialize(ClassifierImpl& model, uint64_t seed) {
  constexpr double kHeadDeviation = 0.01;
  fill_vectors(model);
  for (auto& item : model.named_parameters()) {
    const std::string& name = item.key();
    if (item.value().dim() == 1) {
      continue;
    }
    if (name.starts_with("head.")) {
      fill_normal(item.value(), name, seed, kHeadDeviation);
    } else {
      fill_uniform(item.value(), name, seed,
                   1.0 / std::sqrt(fan_in(item.value())));
    }
  }
  zero_residual_norms(model.backbone());
}

}  // namespace voxlift::trainer
