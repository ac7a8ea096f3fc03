#include "trainer/step_trial.h"

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/process_memory.h"
#include "base/strings.h"
#include "trainer/autocast.h"
#include "trainer/comm/self_comm.h"
#include "trainer/conv_setup.h"
#include "trainer/input/made_up_batch.h"
#include "trainer/optim/loss_scale.h"
#include "trainer/task/make_task.h"
#include "trainer/train_step.h"

namespace voxlift::trainer {
namespace {

void require_positive(int64_t value, const char* name) {
  if (value < 1) {
    throw ConfigError(str_cat(name, " = ", value, ": must be at least 1"));
  }
}

Batch made_up_batch(const StepTrialConfig& config,
                    const torch::Device& device) {
  torch::manual_seed(config.train.run.seed);
  return make_up_batch(batch_of(config), device);
}

TrainConfig with_slots(TrainConfig config, int64_t slots) {
  config.batch.slots = slots;
  return config;
}

// The step over all ranks and, of the same network, the step of this rank's
// slots for itself.
class Trial {
 public:
  Trial(const StepTrialConfig& config, TrainContext& context)
      : config_(config),
        context_(context),
        slots_(sharding::slots_of_rank(config.train.batch.slots,
                                       context.control.rank(),
                                       context.control.size())),
        alone_config_(with_slots(config.train, slots_.end - slots_.begin)),
        alone_context_(make_alone_context()),
        batch_(made_up_batch(config, context.device)),
        task_(make_task(config.train, config.train.model,
                        numbered_classes(config.train.model.classes),
                        context.device)),
        step_(config.train, context, slots_, *task_) {
    if (config.alone) {
      alone_.emplace(alone_config_, alone_context_,
                     sharding::SlotRange{0, slots_.end - slots_.begin}, *task_);
    }
  }

  // COLLECTIVE.
  void choose_conv_ways() {
    follow(task_->model(), plan_convs(*task_,
                                      {.choice = config_.train.run.conv,
                                       .precision = config_.train.run.precision,
                                       .batch = batch_of(config_)},
                                      context_));
  }

  // Seconds on this rank.
  double step() { return run(step_, config_.train.batch.slots); }

  // COLLECTIVE. One step under the eyes of OpTimes.
  void watch(StepTrialResult* result) {
    {
      const OpTimes times;
      result->watched_s = step();
      result->operators = times.totals();
    }
    result->convs = rehearse(*task_, batch_of(config_),
                             config_.train.run.precision, context_.device);
  }

  double alone() { return run(*alone_, slots_.end - slots_.begin); }

  double comm_waited_s() const { return step_.comm_waited_s(); }

  int64_t parameter_bytes() const {
    int64_t bytes = 0;
    for (const auto& parameter : task_->model().parameters()) {
      bytes += static_cast<int64_t>(parameter.nbytes());
    }
    return bytes;
  }

 private:
  TrainContext make_alone_context() {
    return {.control = self_,
            .data = self_,
            .device = context_.device,
            .files = context_.files,
            .clock = context_.clock,
            .stop_requested = context_.stop_requested,
            .resolved_config = {},
            .configuration_file = {}};
  }

  double run(TrainStep& step, int64_t slots) {
    // A rate at which the network stands still: steps are alike, and finite.
    constexpr double kRate = 1e-12;
    context_.control.barrier();
    const double start_s = context_.clock.now_s();
    step.run({.step = num_steps_++,
              .num_samples = slots * config_.train.batch.slot_batch,
              .lr = kRate},
             [this](int64_t /*slot*/) { return batch_; });
    if (context_.device.is_cuda()) {
      torch::cuda::synchronize(context_.device.index());
    }
    return context_.clock.now_s() - start_s;
  }

  const StepTrialConfig& config_;
  TrainContext& context_;
  sharding::SlotRange slots_;
  SelfComm self_;
  TrainConfig alone_config_;
  TrainContext alone_context_;
  Batch batch_;
  std::unique_ptr<Task> task_;
  TrainStep step_;
  std::optional<TrainStep> alone_;  // Has an optimizer's state of its own.
  int64_t num_steps_ = 0;
};

double process_cpu_s() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

// Of every step, the largest value over the ranks.
std::vector<double> slowest(Communicator& control, std::vector<double> mine) {
  const auto num_ranks = static_cast<size_t>(control.size());
  std::vector<double> all(mine.size() * num_ranks);
  control.all_gather(buffer_of(mine), buffer_of(all));
  for (size_t i = 0; i < all.size(); ++i) {
    double& value = mine[i % mine.size()];
    value = std::max(value, all[i]);
  }
  return mine;
}

}  // namespace

MadeUpBatch batch_of(const StepTrialConfig& config) {
  return {.samples = config.train.batch.slot_batch,
          .channels = 1,
          .shape = config.shape,
          .classes = config.train.model.classes};
}

std::vector<std::string> numbered_classes(int64_t count) {
  std::vector<std::string> names;
  for (int64_t k = 0; k < count; ++k) {
    names.push_back(std::to_string(k));
  }
  return names;
}

void StepTrialConfig::validate() const {
  train.task.validate("task.");
  train.model.validate("model.");
  train.batch.validate("batch.");
  train.reduce.validate("reduce.");
  check_precision(train.run.precision, "precision");
  const LossScale scale(train.run.loss_scale, "loss-scale");
  require_positive(train.model.classes, "classes");
  require_positive(steps, "steps");
  if (warmup < 0) {
    throw ConfigError(str_cat("warmup = ", warmup, ": must be at least 0"));
  }
  for (const int64_t side : shape) {
    require_positive(side, "shape");
  }
}

StepTrialResult run_step_trial(const StepTrialConfig& config,
                               TrainContext& context) {
  Trial trial(config, context);
  trial.choose_conv_ways();
  StepTrialResult result;
  for (int64_t i = 0; i < config.warmup + config.steps; ++i) {
    const double waited_before_s = trial.comm_waited_s();
    const double cpu_before_s = process_cpu_s();
    const double step_s = trial.step();
    const double cpu_s = process_cpu_s() - cpu_before_s;
    const double wait_s = trial.comm_waited_s() - waited_before_s;
    const double alone_s = config.alone ? trial.alone() : 0.0;
    if (i + 1 == config.warmup) {
      restart_peak();
    }
    if (i >= config.warmup) {
      result.step_s.push_back(step_s);
      result.cpu_s.push_back(cpu_s);
      result.comm_wait_s.push_back(wait_s);
      result.alone_s.push_back(alone_s);
    }
  }
  if (config.watch_operators) {
    trial.watch(&result);
  }
  Communicator& control = context.control;
  result.step_s = slowest(control, std::move(result.step_s));
  result.cpu_s = slowest(control, std::move(result.cpu_s));
  result.comm_wait_s = slowest(control, std::move(result.comm_wait_s));
  result.alone_s = slowest(control, std::move(result.alone_s));
  if (!config.alone) {
    result.alone_s.clear();
  }
  result.parameter_bytes = trial.parameter_bytes();
  return result;
}

}  // namespace voxlift::trainer
