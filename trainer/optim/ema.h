#pragma once
// The running mean of the weights.

#include <torch/torch.h>

#include <string>

#include "trainer/weights/tensor_map.h"

namespace voxlift::trainer {

struct EmaConfig {
  double decay = 0.0;    // 0: no mean is kept.
  bool evaluate = true;  // Evaluations in a run use the mean.

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// mean = decay mean + (1 - decay) value, once per step that was taken, for all
// parameters and floating-point buffers (batch-norm statistics). It starts as
// the weights before the first update. One thread.
// Source: Polyak and Juditsky, "Acceleration of stochastic approximation by
// averaging", SIAM J. Control Optim. 30(4), 1992, DOI 10.1137/0330046; in the
// exponential form.
class Ema {
 public:
  // Keeps the tensors of `model`, which must outlive it. decay > 0.
  Ema(const torch::nn::Module& model, double decay);

  // After the weights have moved.
  void update();

  // "ema.NAME", sharing memory.
  const TensorMap& state() const { return means_; }

  // mean = value, where the network has just been given its first weights.
  void restart();

 private:
  friend class EmaWeights;

  TensorMap values_;
  TensorMap means_;
  double decay_;
};

// The network has the mean's values while this lives.
class EmaWeights {
 public:
  explicit EmaWeights(Ema& ema);
  ~EmaWeights();
  EmaWeights(const EmaWeights&) = delete;
  EmaWeights& operator=(const EmaWeights&) = delete;

 private:
  Ema& ema_;
  TensorMap kept_;
};

}  // namespace voxlift::trainer
