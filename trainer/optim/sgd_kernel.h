#pragma once
// The update of stochastic gradient descent in one pass over memory.

#include <cstdint>

namespace voxlift::trainer {

struct SgdFactors {
  float lr = 0.0F;
  float momentum = 0.0F;
  float weight_decay = 0.0F;
};

// v = momentum v + (g + weight_decay p);  p = p - lr v, for `count` values.
// Element by element, so that the bits do not depend on how values are shared
// out over calls or threads. Arrays must not overlap. Any thread.
void sgd_update(float* parameter, float* velocity, const float* gradient,
                int64_t count, const SgdFactors& factors);

}  // namespace voxlift::trainer
