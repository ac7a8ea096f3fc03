#pragma once
// The learning rate as a pure function of the position in the run.

#include <cstdint>
#include <string>
#include <vector>

namespace voxlift::trainer {

struct ScheduleConfig {
  double lr = 0.1;
  // The rate is lr times global batch / base_batch (the linear scaling rule);
  // 0: it is lr. Source: Goyal et al., "Accurate, large minibatch SGD", 2017,
  // arXiv 1706.02677, section 2.1.
  int64_t base_batch = 0;
  std::string kind = "cosine";  // "cosine", "step", "poly" or "constant".
  // "epoch": the rate stands still within an epoch, as published; "step": it
  // moves with every step.
  std::string unit = "epoch";
  double min_lr = 0.0;  // At the end of "cosine" and "poly"; is not scaled.
  double power = 2.0;   // Of "poly".
  std::vector<int64_t> milestones = {30, 60, 90};  // Epochs, for "step".
  double gamma = 0.1;                              // Factor at a milestone.
  // The first warmup_steps steps rise linearly from warmup_factor times the
  // rate to the rate.
  int64_t warmup_steps = 0;
  double warmup_epochs = 0.0;  // Instead of warmup_steps; only one is given.
  double warmup_factor = 0.1;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

struct RunPosition {
  int64_t epoch = 0;
  int64_t step_in_epoch = 0;
  int64_t steps_per_epoch = 1;
  int64_t num_epochs = 1;
  int64_t global_batch = 1;  // Samples of a full step.
};

// cosine: min + (lr - min) (1 + cos(pi t / T)) / 2, t in epochs, T =
// num_epochs. Source: Loshchilov and Hutter, "SGDR", ICLR 2017, arXiv
// 1608.03983.
// poly: min + (lr - min) (1 - u)^power, u the share of the epochs after the
// warm-up that have passed. Source: the LARS reference of MLPerf Training 0.7,
// image classification (polynomial decay of power 2 after a warm-up from 0).
double learning_rate(const ScheduleConfig& config, const RunPosition& position);

}  // namespace voxlift::trainer
