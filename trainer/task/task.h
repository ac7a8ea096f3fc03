#pragma once
// What a network is trained for: how a batch becomes a loss and a score. The
// training loop knows tasks only through this.

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"

namespace voxlift::trainer {

// One slot's samples on the device of the network.
struct Batch {
  torch::Tensor x_NCDHW;
  torch::Tensor label_N;  // int64.

  int64_t size() const { return label_N.size(0); }
};

// Doubles per case, row by row.
using CaseRows = std::vector<double>;

// Owns its network. One thread.
class Task {
 public:
  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task() = default;

  virtual torch::nn::Module& model() = 0;

  // Names of what loss() adds up, beginning with "loss".
  virtual std::vector<std::string> sum_names() const = 0;

  // The loss summed over the samples, ready for backward; adds the sums over
  // the samples of each metric to `sums` (one per name).
  virtual torch::Tensor loss(const Batch& batch, std::span<double> sums) = 0;

  // Doubles per case that evaluate() appends.
  virtual int64_t case_width() const = 0;

  // Appends one row per sample, in the batch's order. The network is in
  // evaluation mode and gradients are off.
  virtual void evaluate(const Batch& batch, CaseRows* rows) = 0;

  // Scores from the rows of all cases, in case order.
  virtual Json summarize(const CaseRows& rows) const = 0;
};

}  // namespace voxlift::trainer
