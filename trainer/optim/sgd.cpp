#include "trainer/optim/sgd.h"

namespace voxlift::trainer {

Sgd::Sgd(const TensorMap& parameters, const SgdConfig& config,
         bool decay_norms_biases)
    : Optimizer(parameters),
      config_(config),
      decay_norms_biases_(decay_norms_biases) {
  add_state("");
}

void Sgd::step(double lr) {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < weights().size(); ++i) {
    const Weight& weight = weights()[i];
    const bool decays = config_.weight_decay != 0.0 &&
                        (decay_norms_biases_ || weight.is_matrix);
    torch::Tensor& velocity = state_of(i);
    velocity.mul_(config_.momentum).add_(weight.tensor.grad());
    if (decays) {
      velocity.add_(weight.tensor, config_.weight_decay);
    }
    if (!config_.nesterov) {
      weight.tensor.add_(velocity, -lr);
      continue;
    }
    if (decays) {  // Before the weight moves.
      weight.tensor.mul_(1.0 - lr * config_.weight_decay);
    }
    weight.tensor.add_(weight.tensor.grad(), -lr)
        .add_(velocity, -lr * config_.momentum);
  }
}

}  // namespace voxlift::trainer
