#include "trainer/optim/adam.h"

#include <cmath>

namespace voxlift::trainer {

Adam::Adam(const TensorMap& parameters, const AdamConfig& config,
           bool decoupled, bool decay_norms_biases)
    : Optimizer(parameters),
      config_(config),
      decoupled_(decoupled),
      decay_norms_biases_(decay_norms_biases),
      first_m_(add_state("m.")),
      first_v_(add_state("v.")) {
  add_scalar_state("steps");
}

torch::Tensor Adam::decayed_gradient(const Weight& weight, double lr) const {
  const torch::Tensor& gradient = weight.tensor.grad();
  if (config_.weight_decay == 0.0 ||
      !(decay_norms_biases_ || weight.is_matrix)) {
    return gradient;
  }
  if (decoupled_) {
    weight.tensor.mul_(1.0 - lr * config_.weight_decay);
    return gradient;
  }
  return gradient.add(weight.tensor, config_.weight_decay);
}

void Adam::step(double lr) {
  const torch::NoGradGuard no_grad;
  torch::Tensor& steps = state_of(state().size() - 1);
  steps.add_(1);
  const auto t = static_cast<double>(steps.item<int64_t>());
  const double m_bias = 1.0 - std::pow(config_.beta1, t);
  const double v_bias = 1.0 - std::pow(config_.beta2, t);
  for (size_t i = 0; i < weights().size(); ++i) {
    const Weight& weight = weights()[i];
    const torch::Tensor gradient = decayed_gradient(weight, lr);
    torch::Tensor& m = state_of(first_m_ + i);
    torch::Tensor& v = state_of(first_v_ + i);
    m.mul_(config_.beta1).add_(gradient, 1.0 - config_.beta1);
    v.mul_(config_.beta2).addcmul_(gradient, gradient, 1.0 - config_.beta2);
    const torch::Tensor size =
        v.sqrt().div_(std::sqrt(v_bias)).add_(config_.epsilon);
    weight.tensor.addcdiv_(m, size, -lr / m_bias);
  }
}

}  // namespace voxlift::trainer
