#pragma once
// Layer-wise adaptive rate scaling, for batches of many thousands.

#include "trainer/optim/optimizer.h"

namespace voxlift::trainer {

// For every tensor with at least two axes, with weight decay b:
//   local = trust |p| / (|g| + b |p|);  v = momentum v + lr local (g + b p)
// and p = p - v; the rate is inside v, as published. Norms and biases have
// local = 1 and no decay. A tensor or gradient of norm 0 has local = 1.
// Source: You, Gitman and Ginsburg, "Large batch training of convolutional
// networks", 2017, arXiv 1708.03888, algorithm 1.
//
// State: v, "v.NAME" (another quantity than Sgd's).
class Lars : public Optimizer {
 public:
  Lars(const TensorMap& parameters, const SgdConfig& sgd,
       const LarsConfig& lars);

  void step(double lr) override;

 private:
  double local_rate(const Weight& weight) const;

  SgdConfig sgd_;
  LarsConfig lars_;
};

}  // namespace voxlift::trainer
