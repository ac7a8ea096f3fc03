#pragma once
// Stochastic gradient descent with momentum.

#include <torch/torch.h>

#include <string>
#include <vector>

#include "trainer/weights/tensor_map.h"

namespace voxlift::trainer {

struct SgdConfig {
  double momentum = 0.9;
  // L2 term on every parameter, norms and biases included, as published.
  double weight_decay = 1e-4;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// d = g + weight_decay p;  v = momentum v + d;  p = p - lr v.
// The form of torch.optim.SGD (dampening 0, no Nesterov): lr is outside v.
class Sgd {
 public:
  // `parameters` (name, tensor) share memory with the network. Parameters that
  // need no gradient are left alone.
  Sgd(TensorMap parameters, const SgdConfig& config);

  // Uses every parameter's grad(), which must be there.
  void step(double lr);

  // Momentum by parameter name, sharing memory.
  const TensorMap& state() const { return velocity_; }

  // Throws DataError naming `origin` unless names and shapes are the same.
  void load_state(const TensorMap& state, const std::string& origin);

 private:
  TensorMap parameters_;
  TensorMap velocity_;
  SgdConfig config_;
};

}  // namespace voxlift::trainer
