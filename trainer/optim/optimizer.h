#pragma once
// What moves the weights once their gradients are there.

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "trainer/weights/tensor_map.h"

namespace voxlift::trainer {

struct OptimizerConfig {
  std::string kind = "sgd";  // "sgd", "adam", "adamw" or "lars".
  // Weight decay on norms and biases, too, as published. Off: only on tensors
  // with at least two axes. LARS never decays them.
  bool decay_norms_biases = true;
  // The gradient is scaled down to this norm over all parameters; 0: never.
  double clip_norm = 0.0;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

struct SgdConfig {  // Of "sgd" and "lars".
  double momentum = 0.9;
  double weight_decay = 1e-4;
  bool nesterov = false;  // "sgd" only.

  void validate(const std::string& path) const;  // Throws ConfigError.
};

struct AdamConfig {  // Of "adam" and "adamw".
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

struct LarsConfig {
  double trust = 0.001;  // Coefficient eta of the layer-wise rate.

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// Every option of the optimizers; only those of `optim.kind` count.
struct OptimizerOptions {
  OptimizerConfig optim = {};
  SgdConfig sgd = {};
  AdamConfig adam = {};
  LarsConfig lars = {};

  // Also refuses what does not go together. Throws ConfigError.
  void validate() const;
};

// One thread. Element-wise, so the bits depend on parameters, gradients and
// state only.
class Optimizer {
 public:
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  virtual ~Optimizer() = default;

  // Uses every parameter's grad(), which must be there. A step that is not
  // taken leaves no trace.
  virtual void step(double lr) = 0;

  // By name, sharing memory, for as long as the optimizer lives.
  const TensorMap& state() const { return state_; }

  // Throws DataError naming `origin` unless names and shapes are the same.
  void load_state(const TensorMap& state, const std::string& origin);

 protected:
  // A parameter that is trained; `tensor` shares memory with the network.
  struct Weight {
    std::string name;
    torch::Tensor tensor;
    bool is_matrix = false;  // No norm, no bias.
  };

  // Parameters that need no gradient are left alone.
  explicit Optimizer(const TensorMap& parameters);

  // Adds "PREFIX.NAME", zeros, for every weight to the state; the first of
  // them stands at the returned index, the others follow in order.
  size_t add_state(const std::string& prefix);

  const std::vector<Weight>& weights() const { return weights_; }

  torch::Tensor& state_of(size_t index) { return state_[index].second; }

  void add_scalar_state(const std::string& name);

 private:
  std::vector<Weight> weights_;
  TensorMap state_;
};

std::unique_ptr<Optimizer> make_optimizer(const TensorMap& parameters,
                                          const OptimizerOptions& options);

// Copies `from` into the memory of `to`. Throws DataError naming `origin`
// unless names and shapes are the same.
void copy_state(const TensorMap& from, TensorMap& to,
                const std::string& origin);

}  // namespace voxlift::trainer
