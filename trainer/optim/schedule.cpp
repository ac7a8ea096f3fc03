#include "trainer/optim/schedule.h"

#include <algorithm>
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

double scaled_lr(const ScheduleConfig& config, int64_t global_batch) {
  return config.base_batch == 0
             ? config.lr
             : config.lr * static_cast<double>(global_batch) /
                   static_cast<double>(config.base_batch);
}

double cosine(const ScheduleConfig& config, double lr, double epochs,
              double num_epochs) {
  return config.min_lr +
         (lr - config.min_lr) * 0.5 *
             (1.0 + std::cos(std::numbers::pi * epochs / num_epochs));
}

double poly(const ScheduleConfig& config, double lr, double epochs,
            double warmup_epochs, double num_epochs) {
  const double left = (num_epochs - epochs) / (num_epochs - warmup_epochs);
  return config.min_lr + (lr - config.min_lr) *
                             std::pow(std::clamp(left, 0.0, 1.0), config.power);
}

double stepped(const ScheduleConfig& config, double rate, double epochs) {
  for (const int64_t milestone : config.milestones) {
    rate *= epochs >= static_cast<double>(milestone) ? config.gamma : 1.0;
  }
  return rate;
}

}  // namespace

void ScheduleConfig::validate(const std::string& path) const {
  require(lr > 0.0, str_cat(path, "lr = ", lr, ": must be more than 0"));
  require(kind == "cosine" || kind == "step" || kind == "poly" ||
              kind == "constant",
          str_cat(path, "kind = '", kind,
                  "': must be 'cosine', 'step', 'poly' or 'constant'"));
  require(base_batch >= 0,
          str_cat(path, "base_batch = ", base_batch, ": must be at least 0"));
  require(power > 0.0,
          str_cat(path, "power = ", power, ": must be more than 0"));
  require(warmup_epochs >= 0.0, str_cat(path, "warmup_epochs = ", warmup_epochs,
                                        ": must be at least 0"));
  require(warmup_epochs == 0.0 || warmup_steps == 0,
          str_cat("give ", path, "warmup_epochs or ", path,
                  "warmup_steps, not both"));
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
  const auto num_epochs = static_cast<double>(position.num_epochs);
  const double warmup_steps = config.warmup_epochs > 0.0
                                  ? config.warmup_epochs * steps_per_epoch
                                  : static_cast<double>(config.warmup_steps);
  double rate = scaled_lr(config, position.global_batch);
  if (config.kind == "cosine") {
    rate = cosine(config, rate, epochs, num_epochs);
  } else if (config.kind == "step") {
    rate = stepped(config, rate, epochs);
  } else if (config.kind == "poly") {
    rate =
        poly(config, rate, epochs, warmup_steps / steps_per_epoch, num_epochs);
  }
  const auto step = static_cast<double>(
      position.epoch * position.steps_per_epoch + position.step_in_epoch);
  if (step < warmup_steps) {
    const double done = step / warmup_steps;
    rate *= config.warmup_factor + (1.0 - config.warmup_factor) * done;
  }
  return rate;
}

}  // namespace voxlift::trainer
