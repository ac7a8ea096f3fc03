#include "trainer/train_step.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

TensorMap parameters_of(torch::nn::Module& model) {
  TensorMap parameters;
  for (const auto& item : model.named_parameters()) {
    parameters.emplace_back(item.key(), item.value());
  }
  return parameters;
}

// What a fault does to the loss of a slot.
void poison(torch::Tensor* loss, std::span<double> slot_values) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  *loss = *loss * kNan;
  slot_values.front() = kNan;
}

void check_finite(const StepTotals& totals, const StepPlan& plan) {
  if (!std::isfinite(totals.sums.front())) {
    throw ConfigError(
        str_cat("the loss is ", totals.sums.front(), " at step ", plan.step,
                " (learning rate ", plan.lr,
                "): lower schedule.lr or raise schedule.warmup_steps"));
  }
}

}  // namespace

TrainStep::TrainStep(const TrainConfig& config, TrainContext& context,
                     const sharding::SlotRange& slots, Task& task)
    : config_(config),
      context_(context),
      slots_(slots),
      task_(task),
      batch_norms_(batch_norms(task.model())),
      optimizer_(parameters_of(task.model()), config.sgd),
      reducer_(task.model().parameters(), statistics_size(batch_norms_),
               slots.end - slots.begin, context.data, config.reduce) {}

void TrainStep::run_slot(int64_t slot, const StepPlan& plan,
                         const NextBatch& next_batch,
                         std::span<double> slot_values) {
  mark(context_.board, Phase::kData);
  const Batch batch = next_batch(slot);
  mark(context_.board, Phase::kForward);
  reducer_.begin_slot(slot - slots_.begin);
  if (batch.size() > 0) {
    // Dropout draws by (seed, step, slot): the same on any rank.
    torch::manual_seed(RandomStream(config_.run.seed, Purpose::kDropout,
                                    static_cast<uint64_t>(plan.step),
                                    static_cast<uint64_t>(slot))
                           .next_u64());
    torch::Tensor loss = task_.loss(batch, slot_values);
    if (plan.poison) {
      poison(&loss, slot_values);
    }
    if (!batch_norms_.empty()) {
      reducer_.set_statistics(slot_statistics(batch_norms_));
    }
    mark(context_.board, Phase::kBackward);
    // Sums over slots of this are the mean over the step's samples.
    (loss / static_cast<double>(plan.num_samples)).backward();
  }
  slot_values.back() = static_cast<double>(batch.size());
  reducer_.end_slot();
}

// Running statistics move by the mean over the slots that had samples.
void TrainStep::update_batch_norms(const StepPlan& plan) {
  if (batch_norms_.empty()) {
    return;
  }
  const int64_t used_slots = std::min(config_.batch.slots, plan.num_samples);
  update_running(batch_norms_,
                 reducer_.statistics() / static_cast<double>(used_slots));
}

// Every rank gets every slot's values and adds them in slot order.
StepTotals TrainStep::gather_totals(const std::vector<double>& slot_values) {
  std::vector<double> mine = slot_values;
  mine.push_back(context_.stop_requested() ? 1.0 : 0.0);
  std::vector<double> all(mine.size() *
                          static_cast<size_t>(context_.control.size()));
  context_.control.all_gather(buffer_of(mine), buffer_of(all));
  const size_t width = task_.sum_names().size() + 1;
  StepTotals totals;
  totals.sums.resize(width);
  for (size_t begin = 0; begin < all.size(); begin += mine.size()) {
    for (size_t i = 0; i + 1 < mine.size(); ++i) {
      totals.sums[i % width] += all[begin + i];
    }
    totals.stop = totals.stop || all[begin + mine.size() - 1] > 0.0;
  }
  totals.samples = static_cast<int64_t>(totals.sums.back());
  totals.sums.pop_back();
  return totals;
}

StepTotals TrainStep::run(const StepPlan& plan, const NextBatch& next_batch) {
  const size_t width = task_.sum_names().size() + 1;
  std::vector<double> values(width *
                             static_cast<size_t>(slots_.end - slots_.begin));
  for (int64_t slot = slots_.begin; slot < slots_.end; ++slot) {
    const auto index = static_cast<size_t>(slot - slots_.begin);
    run_slot(slot, plan, next_batch,
             std::span(values).subspan(index * width, width));
  }
  mark(context_.board, Phase::kReduce);
  reducer_.finish();
  StepTotals totals = gather_totals(values);
  check_finite(totals, plan);
  mark(context_.board, Phase::kUpdate);
  optimizer_.step(plan.lr);
  update_batch_norms(plan);
  return totals;
}

}  // namespace voxlift::trainer
