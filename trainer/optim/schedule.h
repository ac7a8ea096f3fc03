#pragma once
// The learning rate as a pure function of the position in the run.

#include <cstdint>
#include <string>
#include <vector>

namespace voxlift::trainer {

struct ScheduleConfig {
  double lr = 0.1;
  std::string kind = "cosine";  // "cosine", "step" or "constant".
  // "epoch": the rate stands still within an epoch, as published; "step": it
  // moves with every step.
  std::string unit = "epoch";
  double min_lr = 0.0;
  std::vector<int64_t> milestones = {30, 60, 90};  // Epochs, for "step".
  double gamma = 0.1;                              // Factor at a milestone.
  // The first warmup_steps steps rise linearly from warmup_factor times the
  // rate to the rate.
  int64_t warmup_steps = 0;
  double warmup_factor = 0.1;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

struct RunPosition {
  int64_t epoch = 0;
  int64_t step_in_epoch = 0;
  int64_t steps_per_epoch = 1;
  int64_t num_epochs = 1;
};

// cosine: min + (lr - min) (1 + cos(pi t / T)) / 2, t in epochs, T =
// num_epochs. Source: Loshchilov and Hutter, "SGDR", ICLR 2017, arXiv
// 1608.03983.
double learning_rate(const ScheduleConfig& config, const RunPosition& position);

}  // namespace voxlift::trainer
