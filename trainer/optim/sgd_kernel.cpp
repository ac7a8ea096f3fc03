#include "trainer/optim/sgd_kernel.h"

namespace voxlift::trainer {

__attribute__((target_clones("avx512f", "avx2", "default"))) void sgd_update(
    float* __restrict parameter, float* __restrict velocity,
    const float* __restrict gradient, int64_t count,
    const SgdFactors& factors) {
  const SgdFactors f = factors;
  for (int64_t i = 0; i < count; ++i) {
    const float d = gradient[i] + f.weight_decay * parameter[i];
    velocity[i] = f.momentum * velocity[i] + d;
    parameter[i] -= f.lr * velocity[i];
  }
}

}  // namespace voxlift::trainer
