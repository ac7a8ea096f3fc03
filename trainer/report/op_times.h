#pragma once
// Where a step's time goes, by operator of LibTorch.

#include <torch/torch.h>

#include <cstdint>
#include <map>
#include <string>

namespace voxlift::trainer {

struct OpTotal {
  int64_t calls = 0;
  double seconds = 0.0;  // Without the operators that it calls.
  // Of the tensors that it is given and gives, where it calls no other.
  int64_t bytes = 0;
};

using OpTotals = std::map<std::string, OpTotal>;

// Watches the operators that this thread runs (on the CPU backward runs on the
// thread that asks for it) while it lives. One at a time. Costs about a
// microsecond an operator.
class OpTimes {
 public:
  OpTimes();
  ~OpTimes();
  OpTimes(const OpTimes&) = delete;
  OpTimes& operator=(const OpTimes&) = delete;

  const OpTotals& totals() const { return totals_; }

 private:
  friend struct OpFrame;

  OpTotals totals_;
  uint64_t handle_ = 0;
};

}  // namespace voxlift::trainer
