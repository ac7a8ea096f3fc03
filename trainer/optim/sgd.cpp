#include "trainer/optim/sgd.h"

#include <ATen/Parallel.h>

#include <utility>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/optim/sgd_kernel.h"

namespace voxlift::trainer {

namespace {

// Where all three are plain float32 memory of the host; else false.
bool update_in_one_pass(torch::Tensor& parameter, torch::Tensor& velocity,
                        double lr, const SgdConfig& config) {
  const torch::Tensor& gradient = parameter.grad();
  for (const torch::Tensor& tensor : {parameter, velocity, gradient}) {
    if (!tensor.is_cpu() || tensor.scalar_type() != torch::kFloat32 ||
        !tensor.is_contiguous()) {
      return false;
    }
  }
  const SgdFactors factors = {static_cast<float>(lr),
                              static_cast<float>(config.momentum),
                              static_cast<float>(config.weight_decay)};
  constexpr int64_t kGrain = 1 << 16;
  at::parallel_for(
      0, parameter.numel(), kGrain, [&](int64_t begin, int64_t end) {
        sgd_update(parameter.data_ptr<float>() + begin,
                   velocity.data_ptr<float>() + begin,
                   gradient.data_ptr<float>() + begin, end - begin, factors);
      });
  return true;
}

}  // namespace

void SgdConfig::validate(const std::string& path) const {
  if (!(momentum >= 0.0 && momentum < 1.0)) {
    throw ConfigError(
        str_cat(path, "momentum = ", momentum, ": must be in [0, 1)"));
  }
  if (!(weight_decay >= 0.0)) {
    throw ConfigError(
        str_cat(path, "weight_decay = ", weight_decay, ": must be at least 0"));
  }
}

Sgd::Sgd(TensorMap parameters, const SgdConfig& config) : config_(config) {
  for (auto& [name, tensor] : parameters) {
    if (tensor.requires_grad()) {
      velocity_.emplace_back(name, torch::zeros_like(tensor));
      parameters_.emplace_back(name, tensor);
    }
  }
}

void Sgd::step(double lr) {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    torch::Tensor& parameter = parameters_[i].second;
    torch::Tensor& velocity = velocity_[i].second;
    if (update_in_one_pass(parameter, velocity, lr, config_)) {
      continue;
    }
    velocity.mul_(config_.momentum).add_(parameter.grad());
    if (config_.weight_decay != 0.0) {
      velocity.add_(parameter, config_.weight_decay);
    }
    parameter.add_(velocity, -lr);
  }
}

void Sgd::load_state(const TensorMap& state, const std::string& origin) {
  const torch::NoGradGuard no_grad;
  if (state.size() != velocity_.size()) {
    throw DataError(str_cat("'", origin, "' has ", state.size(),
                            " tensors, the optimizer ", velocity_.size()));
  }
  for (size_t i = 0; i < state.size(); ++i) {
    auto& [name, velocity] = velocity_[i];
    if (state[i].first != name || state[i].second.sizes() != velocity.sizes()) {
      throw DataError(str_cat("'", origin, "': tensor '", state[i].first, "' ",
                              shape_text(state[i].second),
                              " stands where the optimizer has '", name, "' ",
                              shape_text(velocity)));
    }
    velocity.copy_(state[i].second);
  }
}

}  // namespace voxlift::trainer
