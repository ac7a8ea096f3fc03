#include "trainer/optim/ema.h"

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {

void EmaConfig::validate(const std::string& path) const {
  if (!(decay >= 0.0 && decay < 1.0)) {
    throw ConfigError(str_cat(path, "decay = ", decay, ": must be in [0, 1)"));
  }
}

Ema::Ema(const torch::nn::Module& model, double decay) : decay_(decay) {
  for (const auto& [name, tensor] : named_tensors(model)) {
    if (tensor.is_floating_point()) {
      values_.emplace_back(name, tensor.detach());
      means_.emplace_back("ema." + name, tensor.detach().clone());
    }
  }
}

void Ema::update() {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < means_.size(); ++i) {
    means_[i].second.mul_(decay_).add_(values_[i].second, 1.0 - decay_);
  }
}

void Ema::restart() {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < means_.size(); ++i) {
    means_[i].second.copy_(values_[i].second);
  }
}

EmaWeights::EmaWeights(Ema& ema) : ema_(ema) {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < ema.values_.size(); ++i) {
    auto& [name, value] = ema.values_[i];
    kept_.emplace_back(name, value.clone());
    value.copy_(ema.means_[i].second);
  }
}

EmaWeights::~EmaWeights() {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < kept_.size(); ++i) {
    ema_.values_[i].second.copy_(kept_[i].second);
  }
}

}  // namespace voxlift::trainer
