#pragma once
// Stochastic gradient descent with momentum.

#include "trainer/optim/optimizer.h"

namespace voxlift::trainer {

// d = g + weight_decay p;  v = momentum v + d;  p = p - lr v,
// with Nesterov p = p - lr (d + momentum v).
// The form of torch.optim.SGD (dampening 0): lr is outside v.
//
// State: v, by the parameter's name.
class Sgd : public Optimizer {
 public:
  Sgd(const TensorMap& parameters, const SgdConfig& config,
      bool decay_norms_biases = true);

  void step(double lr) override;

 private:
  SgdConfig config_;
  bool decay_norms_biases_;
};

}  // namespace voxlift::trainer
