#include "trainer/optim/schedule.h"

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

void require(bool ok, const std::string& message) {
  if (!ok) {
    throw ConfigError(message);
  }
}

double cosine(const ScheduleConfig& config, double epochs, double num_epochs) {
  return config.min_lr +
         (config.lr - config.min_lr) * 0.5 *
             (1.0 + std::cos(std::numbers::pi * epochs / num_epochs));
}

double stepped(const ScheduleConfig& config, double epochs) {
  double rate = config.lr;
  for (const int64_t milestone : config.milestones) {
    rate *= epochs >= static_cast<double>(milestone) ? config.gamma : 1.0;
  }
  return rate;
}

}  // namespace

void ScheduleConfig::validate(const std::string& path) const {
  require(lr > 0.0, str_cat(path, "lr = ", lr, ": must be more than 0"));
  require(kind == "cosine" || kind == "step" || kind == "constant",
          str_cat(path, "kind = '", kind,
                  "': must be 'cosine', 'step' or 'constant'"));
  require(unit == "epoch" || unit == "step",
          str_cat(path, "unit = '", unit, "': must be 'epoch' or 'step'"));
  require(
      min_lr >= 0.0 && min_lr <= lr,
      str_cat(path, "min_lr = ", min_lr, ": must be in [0, lr = ", lr, "]"));
  require(gamma > 0.0 && gamma <= 1.0,
          str_cat(path, "gamma = ", gamma, ": must be in (0, 1]"));
  require(warmup_steps >= 0, str_cat(path, "warmup_steps = ", warmup_steps,
                                     ": must be at least 0"));
  require(
      warmup_factor >= 0.0 && warmup_factor <= 1.0,
      str_cat(path, "warmup_factor = ", warmup_factor, ": must be in [0, 1]"));
}

double learning_rate(const ScheduleConfig& config,
                     const RunPosition& position) {
  const auto steps_per_epoch = static_cast<double>(position.steps_per_epoch);
  const double within =
      config.unit == "step"
          ? static_cast<double>(position.step_in_epoch) / steps_per_epoch
          : 0.0;
  const double epochs = static_cast<double>(position.epoch) + within;
  double rate = config.lr;
  if (config.kind == "cosine") {
    rate = cosine(config, epochs, static_cast<double>(position.num_epochs));
  } else if (config.kind == "step") {
    rate = stepped(config, epochs);
  }
  const int64_t step =
      position.epoch * position.steps_per_epoch + position.step_in_epoch;
  if (step < config.warmup_steps) {
    const double done =
        static_cast<double>(step) / static_cast<double>(config.warmup_steps);
    rate *= config.warmup_factor + (1.0 - config.warmup_factor) * done;
  }
  return rate;
}

}  // namespace voxlift::trainer
