#include "launcher/bench/checkpoint_bench.h"

#include <memory>
#include <vector>

#include "base/error.h"
#include "base/strings.h"
#include "launcher/bench/figures.h"
#include "sharding/assignment.h"
#include "trainer/run_checkpoints.h"
#include "trainer/task/make_task.h"
#include "trainer/train_step.h"

namespace voxlift::launcher {
namespace {

using trainer::Batch;

Batch random_batch(const CheckpointBenchConfig& config,
                   const torch::Device& device) {
  const int64_t n = config.train.batch.slot_batch;
  const auto& [d, h, w] = config.shape;
  Batch batch;
  batch.x_NCDHW = torch::randn({n, 1, d, h, w}).to(device);
  batch.label_N = torch::zeros({n}, torch::kInt64).to(device);
  return batch;
}

struct Seconds {
  std::vector<double> stall;
  std::vector<double> wall;
  std::vector<double> step;
  std::vector<double> plain;
};

// A training with checkpoints, without data.
class Training {
 public:
  Training(const CheckpointBenchConfig& config, trainer::TrainContext& context)
      : config_(config),
        context_(context),
        slots_(sharding::slots_of_rank(config.train.batch.slots,
                                       context.control.rank(),
                                       context.control.size())),
        batch_(random_batch(config, context.device)),
        task_(trainer::make_task(config.train, config.train.model, {},
                                 context.device)),
        step_(config.train, context, slots_, *task_),
        checkpoints_(config.train, context, *task_, step_, Json::object(),
                     Json::object()) {
    checkpoints_.find_newest();
    checkpoints_.set_on_saved([this](const trainer::CheckpointReport& report) {
      wall_s_ = report.wall_s;
      bytes_ = report.bytes;
    });
  }

  void round(Seconds* seconds) {
    const double stalled_before_s = checkpoints_.stalled_s();
    take_step();
    checkpoints_.save(state_);
    seconds->step.push_back(take_step());
    for (int64_t i = 2; i < config_.steps; ++i) {
      take_step();
    }
    // What is still to be waited for is no part of a longer training's stall.
    seconds->stall.push_back(checkpoints_.stalled_s() - stalled_before_s);
    checkpoints_.settle();
    seconds->wall.push_back(wall_s_);
    seconds->plain.push_back(take_step());
  }

  int64_t bytes() const { return bytes_; }

 private:
  double take_step() {
    // A rate at which the network stands still: it stays finite.
    constexpr double kRate = 1e-12;
    const double start_s = context_.clock.now_s();
    step_.run({.step = state_.step,
               .num_samples =
                   config_.train.batch.slots * config_.train.batch.slot_batch,
               .lr = kRate},
              [this](int64_t /*slot*/) { return batch_; });
    const double step_s = context_.clock.now_s() - start_s;
    ++state_.step;
    checkpoints_.save_if_due(state_);
    return step_s;
  }

  const CheckpointBenchConfig& config_;
  trainer::TrainContext& context_;
  sharding::SlotRange slots_;
  Batch batch_;
  std::unique_ptr<trainer::Task> task_;
  trainer::TrainStep step_;
  trainer::RunState state_;
  double wall_s_ = 0.0;
  int64_t bytes_ = 0;
  trainer::RunCheckpoints checkpoints_;
};

}  // namespace

void CheckpointBenchConfig::validate() const {
  train.model.validate("model.");
  train.batch.validate("batch.");
  train.checkpoint.validate("checkpoint.");
  for (const int64_t value :
       {shape[0], shape[1], shape[2], rounds, warmup + 1, steps - 1}) {
    if (value < 1) {
      throw ConfigError(
          "shape and rounds must be at least 1, warmup 0, steps 2");
    }
  }
}

void bench_checkpoint(const CheckpointBenchConfig& config,
                      trainer::TrainContext& context, std::ostream& out) {
  Training training(config, context);
  Seconds warmup;
  Seconds seconds;
  for (int64_t i = 0; i < config.warmup + config.rounds; ++i) {
    training.round(i < config.warmup ? &warmup : &seconds);
  }
  if (!context.is_root()) {
    return;
  }
  const auto print = [&](const char* name, const std::vector<double>& values) {
    Json line = figure(str_cat("train.checkpoint.", name), values, "s");
    line["bytes"] = training.bytes();
    line["ranks"] = context.control.size();
    out << line.dump() << "\n";
  };
  print("stall", seconds.stall);
  print("wall", seconds.wall);
  print("step", seconds.step);
  print("plain", seconds.plain);
  out.flush();
}

}  // namespace voxlift::launcher
