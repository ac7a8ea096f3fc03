#pragma once
// Adam and AdamW.

#include "trainer/optim/optimizer.h"

namespace voxlift::trainer {

// m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
// p = p - lr m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon),
// t counting the steps taken. Weight decay is added to g (Adam), or shrinks p
// by lr * weight_decay first (decoupled: AdamW).
// Sources: Kingma and Ba, "Adam", ICLR 2015, arXiv 1412.6980; Loshchilov and
// Hutter, "Decoupled weight decay regularization", ICLR 2019, arXiv 1711.05101.
// The form of torch.optim.Adam and AdamW.
//
// State: "m.NAME", "v.NAME" and "steps" (int64).
class Adam : public Optimizer {
 public:
  Adam(const TensorMap& parameters, const AdamConfig& config, bool decoupled,
       bool decay_norms_biases = true);

  void step(double lr) override;

 private:
  // The gradient with what decay adds to it; shrinks the weight if decoupled.
  torch::Tensor decayed_gradient(const Weight& weight, double lr) const;

  AdamConfig config_;
  bool decoupled_;
  bool decay_norms_biases_;
  size_t first_m_;
  size_t first_v_;
};

}  // namespace voxlift::trainer
