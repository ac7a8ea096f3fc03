#include "trainer/optim/optimizer.h"

#include "base/error.h"
#include "base/strings.h"
#include "trainer/optim/adam.h"
#include "trainer/optim/lars.h"
#include "trainer/optim/sgd.h"

namespace voxlift::trainer {
namespace {

void require(bool ok, const std::string& message) {
  if (!ok) {
    throw ConfigError(message);
  }
}

void require_fraction(double value, const std::string& key) {
  require(value >= 0.0 && value < 1.0,
          str_cat(key, " = ", value, ": must be in [0, 1)"));
}

void require_not_negative(double value, const std::string& key) {
  require(value >= 0.0, str_cat(key, " = ", value, ": must be at least 0"));
}

}  // namespace

void OptimizerConfig::validate(const std::string& path) const {
  require(kind == "sgd" || kind == "adam" || kind == "adamw" || kind == "lars",
          str_cat(path, "kind = '", kind,
                  "': must be 'sgd', 'adam', 'adamw' or 'lars'"));
  require_not_negative(clip_norm, path + "clip_norm");
}

void SgdConfig::validate(const std::string& path) const {
  require_fraction(momentum, path + "momentum");
  require_not_negative(weight_decay, path + "weight_decay");
  require(!nesterov || momentum > 0.0,
          str_cat(path, "nesterov needs a ", path, "momentum above 0"));
}

void AdamConfig::validate(const std::string& path) const {
  require_fraction(beta1, path + "beta1");
  require_fraction(beta2, path + "beta2");
  require(epsilon > 0.0,
          str_cat(path, "epsilon = ", epsilon, ": must be more than 0"));
  require_not_negative(weight_decay, path + "weight_decay");
}

void LarsConfig::validate(const std::string& path) const {
  require(trust > 0.0,
          str_cat(path, "trust = ", trust, ": must be more than 0"));
}

void OptimizerOptions::validate() const {
  optim.validate("optim.");
  sgd.validate("sgd.");
  adam.validate("adam.");
  lars.validate("lars.");
  require(!sgd.nesterov || optim.kind == "sgd",
          str_cat("sgd.nesterov is for optim.kind = 'sgd', not '", optim.kind,
                  "'"));
}

Optimizer::Optimizer(const TensorMap& parameters) {
  for (const auto& [name, tensor] : parameters) {
    if (tensor.requires_grad()) {
      weights_.push_back({name, tensor, tensor.dim() > 1});
    }
  }
}

size_t Optimizer::add_state(const std::string& prefix) {
  const size_t first = state_.size();
  for (const Weight& weight : weights_) {
    state_.emplace_back(prefix + weight.name, torch::zeros_like(weight.tensor));
  }
  return first;
}

void Optimizer::add_scalar_state(const std::string& name) {
  state_.emplace_back(name, torch::zeros({}, torch::kInt64));
}

void Optimizer::load_state(const TensorMap& state, const std::string& origin) {
  copy_state(state, state_, origin);
}

void copy_state(const TensorMap& from, TensorMap& to,
                const std::string& origin) {
  const torch::NoGradGuard no_grad;
  if (from.size() != to.size()) {
    throw DataError(str_cat("'", origin, "' has ", from.size(),
                            " tensors, the optimizer ", to.size()));
  }
  for (size_t i = 0; i < from.size(); ++i) {
    auto& [name, tensor] = to[i];
    if (from[i].first != name || from[i].second.sizes() != tensor.sizes()) {
      throw DataError(str_cat("'", origin, "': tensor '", from[i].first, "' ",
                              shape_text(from[i].second),
                              " stands where the optimizer has '", name, "' ",
                              shape_text(tensor)));
    }
    tensor.copy_(from[i].second);
  }
}

std::unique_ptr<Optimizer> make_optimizer(const TensorMap& parameters,
                                          const OptimizerOptions& options) {
  const bool decay_all = options.optim.decay_norms_biases;
  if (options.optim.kind == "sgd") {
    return std::make_unique<Sgd>(parameters, options.sgd, decay_all);
  }
  if (options.optim.kind == "lars") {
    return std::make_unique<Lars>(parameters, options.sgd, options.lars);
  }
  return std::make_unique<Adam>(parameters, options.adam,
                                options.optim.kind == "adamw", decay_all);
}

}  // namespace voxlift::trainer
