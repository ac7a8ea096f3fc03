#include "trainer/optim/sgd.h"

#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include "trainer/optim/sgd_kernel.h"

namespace voxlift::trainer {
namespace {

// Where all three are plain float32 memory of the host; else false.
bool update_in_one_pass(const torch::Tensor& parameter,
                        const torch::Tensor& velocity,
                        const SgdFactors& factors) {
  const torch::Tensor& gradient = parameter.grad();
  for (const torch::Tensor& tensor : {parameter, velocity, gradient}) {
    if (!tensor.is_cpu() || tensor.scalar_type() != torch::kFloat32 ||
        !tensor.is_contiguous()) {
      return false;
    }
  }
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

Sgd::Sgd(const TensorMap& parameters, const SgdConfig& config,
         bool decay_norms_biases)
    : Optimizer(parameters),
      config_(config),
      decay_norms_biases_(decay_norms_biases) {
  add_state("");
}

void Sgd::step(double lr) {
  const torch::NoGradGuard no_grad;
  RECORD_FUNCTION("voxlift::sgd", std::vector<c10::IValue>());
  for (size_t i = 0; i < weights().size(); ++i) {
    const Weight& weight = weights()[i];
    const bool decays = config_.weight_decay != 0.0 &&
                        (decay_norms_biases_ || weight.is_matrix);
    torch::Tensor& velocity = state_of(i);
    const SgdFactors factors = {
        static_cast<float>(lr), static_cast<float>(config_.momentum),
        decays ? static_cast<float>(config_.weight_decay) : 0.0F};
    if (!config_.nesterov &&
        update_in_one_pass(weight.tensor, velocity, factors)) {
      continue;
    }
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
