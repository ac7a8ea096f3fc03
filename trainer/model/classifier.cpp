#include "trainer/model/classifier.h"

#include <cmath>

#include "base/error.h"
#include "base/fnv.h"
#include "base/random.h"
#include "base/strings.h"
#include "trainer/model/dropout.h"

namespace voxlift::trainer {

void ModelConfig::validate(const std::string& path) const {
  if (network != "resnet3d") {
    throw ConfigError(
        str_cat(path, "network = '", network, "': must be 'resnet3d'"));
  }
  if (classes != 0 && classes < 2) {
    throw ConfigError(str_cat(path, "classes = ", classes,
                              ": must be at least 2, or 0 for as many as the "
                              "data set has"));
  }
  if (!(dropout >= 0.0 && dropout < 1.0)) {
    throw ConfigError(
        str_cat(path, "dropout = ", dropout, ": must be in [0, 1)"));
  }
  resnet.validate(path);
}

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

ClassifierImpl::Outputs ClassifierImpl::forward_all(
    const torch::Tensor& x_NCDHW) {
  Outputs out;
  out.stages = backbone_->forward(x_NCDHW);
  out.pooled_NC = out.stages.back().to(torch::kFloat32).mean({2, 3, 4});
  const torch::Tensor kept = dropout_ > 0.0 && is_training()
                                 ? dropout(out.pooled_NC, dropout_)
                                 : out.pooled_NC;
  out.logits_NK = fc_->forward(kept);
  return out;
}

torch::Tensor ClassifierImpl::forward(const torch::Tensor& x_NCDHW) {
  return forward_all(x_NCDHW).logits_NK;
}

namespace {

template <typename Draw>
void fill(torch::Tensor& tensor, Draw draw) {
  auto* values = tensor.data_ptr<float>();
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    values[i] = static_cast<float>(draw());
  }
}

void fill_weight(const std::string& name, torch::Tensor& tensor,
                 uint64_t seed) {
  RandomStream draws(seed, Purpose::kInit, 0, fnv1a64(name));
  if (name.starts_with("head.")) {
    constexpr double kHeadStd = 0.01;
    fill(tensor, [&] { return kHeadStd * draws.normal(); });
    return;
  }
  const double fan_in =
      static_cast<double>(tensor.numel()) / static_cast<double>(tensor.size(0));
  const double bound = 1.0 / std::sqrt(fan_in);
  fill(tensor, [&] { return draws.uniform(-bound, bound); });
}

}  // namespace

void initialize(ClassifierImpl& model, uint64_t seed) {
  const torch::NoGradGuard no_grad;
  for (auto& item : model.named_parameters()) {
    torch::Tensor& tensor = item.value();
    const bool is_bias = item.key().ends_with(".bias");
    if (tensor.dim() > 1) {
      fill_weight(item.key(), tensor, seed);
    } else {
      tensor.fill_(is_bias ? 0.0 : 1.0);
    }
  }
  if (model.backbone().options().zero_init_residual) {
    for (NormImpl* norm : model.backbone().residual_norms()) {
      norm->weight.zero_();
    }
  }
}

}  // namespace voxlift::trainer
