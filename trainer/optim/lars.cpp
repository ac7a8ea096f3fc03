#include "trainer/optim/lars.h"

#include <cmath>

#include "trainer/optim/norm2.h"

namespace voxlift::trainer {

Lars::Lars(const TensorMap& parameters, const SgdConfig& sgd,
           const LarsConfig& lars)
    : Optimizer(parameters), sgd_(sgd), lars_(lars) {
  add_state("v.");
}

double Lars::local_rate(const Weight& weight) const {
  const double size = std::sqrt(squared_norm(weight.tensor));
  const double slope = std::sqrt(squared_norm(weight.tensor.grad()));
  if (size == 0.0 || slope == 0.0) {
    return 1.0;
  }
  return lars_.trust * size / (slope + sgd_.weight_decay * size);
}

void Lars::step(double lr) {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < weights().size(); ++i) {
    const Weight& weight = weights()[i];
    const double rate = weight.is_matrix ? lr * local_rate(weight) : lr;
    torch::Tensor& velocity = state_of(i);
    velocity.mul_(sgd_.momentum).add_(weight.tensor.grad(), rate);
    if (weight.is_matrix) {
      velocity.add_(weight.tensor, rate * sgd_.weight_decay);
    }
    weight.tensor.sub_(velocity);
  }
}

}  // namespace voxlift::trainer
