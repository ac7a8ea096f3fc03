#include "trainer/train_step.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "base/strings.h"
#include "trainer/autocast.h"
#include "trainer/comm/tree_reduce.h"
#include "trainer/model/dropout.h"
#include "trainer/model/sync_norm.h"
#include "trainer/optim/norm2.h"
#include "trainer/reduce/slot_tree.h"
#include "trainer/report/trace_span.h"
#include "trainer/tensor_buffer.h"

namespace voxlift::trainer {
namespace {

TensorMap parameters_of(torch::nn::Module& model) {
  TensorMap parameters;
  for (const auto& item : model.named_parameters()) {
    parameters.emplace_back(item.key(), item.value());
  }
  return parameters;
}

std::vector<torch::Tensor> trained_parameters(torch::nn::Module& model) {
  std::vector<torch::Tensor> trained;
  for (const torch::Tensor& parameter : model.parameters()) {
    if (parameter.requires_grad()) {
      trained.push_back(parameter);
    }
  }
  return trained;
}

// Doubles of the largest meeting; 0: no layer meets.
int64_t meeting_width(const std::vector<BatchNormImpl*>& norms) {
  int64_t width = 0;
  for (const BatchNormImpl* norm : norms) {
    if (dynamic_cast<const SyncBatchNormImpl*>(norm) != nullptr) {
      width =
          std::max(width, SyncBatchNormImpl::meeting_width(norm->channels()));
    }
  }
  return width;
}

// `batch` in memory of its own.
Batch copy_of(const Batch& batch) {
  Batch copy = batch;
  for (torch::Tensor* tensor :
       {&copy.x_NCDHW, &copy.label_N, &copy.mask_NDHW}) {
    *tensor = tensor->defined() ? tensor->clone() : *tensor;
  }
  return copy;
}

int64_t bytes_of(const Batch& batch) {
  size_t bytes = 0;
  for (const torch::Tensor& tensor :
       {batch.x_NCDHW, batch.label_N, batch.mask_NDHW}) {
    bytes += tensor.defined() ? tensor.nbytes() : 0;
  }
  return static_cast<int64_t>(bytes);
}

// On a GPU, backward runs on one thread for all slots: they could not wait for
// each other.
void check_can_meet(const torch::Device& device, int64_t local_slots) {
  if (!device.is_cpu() && local_slots > 1) {
    throw ConfigError(str_cat(
        "model.norm = 'syncbn' on a GPU needs a rank for every slot, this one ",
        "has ", local_slots, " slots: start more ranks or lower batch.slots"));
  }
}

// What a fault does to the loss of a slot.
void poison(torch::Tensor* loss, std::span<double> slot_values) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  *loss = *loss * kNan;
  slot_values.front() = kNan;
}

}  // namespace

TrainStep::TrainStep(const TrainConfig& config, TrainContext& context,
                     const sharding::SlotRange& slots, Task& task)
    : config_(config),
      context_(context),
      slots_(slots),
      task_(task),
      trained_(trained_parameters(task.model())),
      batch_norms_(batch_norms(task.model())),
      optimizer_(make_optimizer(parameters_of(task.model()), config.optimizer)),
      state_(optimizer_->state()),
      loss_scale_(config.run.loss_scale, "run.loss_scale"),
      reducer_(task.model().parameters(), statistics_size(batch_norms_),
               slots.end - slots.begin, context.data, config.reduce) {
  check_precision_on(context.device, config.run.precision, "run.precision");
  set_memory_format(task.model(), config.run.memory_format);
  if (const int64_t width = meeting_width(batch_norms_); width > 0) {
    check_can_meet(context.device, slots.end - slots.begin);
    meeting_ = std::make_unique<SlotMeeting>(
        slots.end - slots.begin, width,
        [this](auto leaves) { return sum_over_slots(std::move(leaves)); });
  }
  if (config.ema.decay > 0.0) {
    ema_.emplace(task.model(), config.ema.decay);
    state_.insert(state_.end(), ema_->state().begin(), ema_->state().end());
  }
  add_residuals();
}

// "residual.NAME" of every trained parameter, in the reducer's order: that of
// the network.
void TrainStep::add_residuals() {
  const std::vector<torch::Tensor> residuals = reducer_.residuals();
  auto next = residuals.begin();
  for (const auto& [name, parameter] : parameters_of(task_.model())) {
    if (next != residuals.end() && parameter.requires_grad()) {
      state_.emplace_back("residual." + name, *next++);
    }
  }
}

void TrainStep::set_trace(Trace* trace) {
  trace_ = trace;
  reducer_.set_trace(trace);
}

// ---- memory ----

// The first step in which every slot is full.
bool TrainStep::measures_memory(const StepPlan& plan) const {
  const BatchConfig& batch = config_.batch;
  return !activation_bytes_.has_value() &&
         plan.num_samples == batch.slots * batch.slot_batch;
}

std::optional<MemoryPlan> TrainStep::memory() const {
  if (!activation_bytes_.has_value()) {
    return std::nullopt;
  }
  MemoryPlan memory = {.gradients = reducer_.memory_bytes(),
                       .activations = *activation_bytes_,
                       .loader = batch_bytes_};
  for (const auto& [name, tensor] : named_tensors(task_.model())) {
    memory.weights += static_cast<int64_t>(tensor.nbytes());
  }
  for (const auto& [name, tensor] : state_) {
    memory.optimizer += static_cast<int64_t>(tensor.nbytes());
  }
  return memory;
}

// ---- slots ----

// Sums over slots of what it is divided by are the mean over the step.
torch::Tensor TrainStep::scaled_loss(int64_t slot, const StepPlan& plan,
                                     const Batch& batch,
                                     std::span<double> slot_values) {
  // Dropout draws by (seed, step, slot): the same on any rank.
  const SlotDraws draws(RandomStream(config_.run.seed, Purpose::kDropout,
                                     static_cast<uint64_t>(plan.step),
                                     static_cast<uint64_t>(slot))
                            .next_u64());
  const AutocastScope autocast(config_.run.precision, context_.device);
  torch::Tensor loss = task_.loss(batch, slot_values);
  if (plan.poison) {
    poison(&loss, slot_values);
  }
  const torch::Tensor mean = loss / static_cast<double>(plan.num_samples);
  return loss_scale_.value() == 1.0 ? mean : mean * loss_scale_.value();
}

void TrainStep::run_slot(int64_t slot, const StepPlan& plan, const Batch& batch,
                         std::span<double> slot_values) {
  mark(context_.board, Phase::kForward);
  std::optional<TensorMemory::Scope> counting;
  if (measures_memory(plan)) {
    counting.emplace(tensor_memory_);
    batch_bytes_ = bytes_of(batch);
  }
  reducer_.begin_slot(slot - slots_.begin);
  if (batch.size() > 0) {
    std::optional<TraceSpan> span(std::in_place, trace_, "forward");
    const torch::Tensor loss = scaled_loss(slot, plan, batch, slot_values);
    span.emplace(trace_, "backward");
    mark(context_.board, Phase::kBackward);
    if (!batch_norms_.empty()) {
      reducer_.set_statistics(slot_statistics(batch_norms_));
    }
    loss.backward();
  }
  slot_values.back() = static_cast<double>(batch.size());
  reducer_.end_slot();
  if (counting.has_value()) {
    activation_bytes_ = tensor_memory_.peak_bytes();
  }
}

void TrainStep::run_slots_together(const StepPlan& plan,
                                   const NextBatch& next_batch,
                                   std::vector<double>& values) {
  std::vector<Batch> batches;
  mark(context_.board, Phase::kData);
  for (int64_t slot = slots_.begin; slot < slots_.end; ++slot) {
    batches.push_back(copy_of(next_batch(slot)));
  }
  mark(context_.board, Phase::kForward);
  std::vector<std::vector<torch::Tensor>> gradients(batches.size());
  const bool measures = measures_memory(plan);
  batch_bytes_ = bytes_of(batches.front());
  meeting_->run([&](int64_t local) {
    std::optional<TensorMemory::Scope> counting;
    if (measures) {
      counting.emplace(tensor_memory_);
    }
    const Batch& batch = batches[static_cast<size_t>(local)];
    const std::span<double> slot_values = values_of(values, local);
    slot_values.back() = static_cast<double>(batch.size());
    if (batch.size() == 0) {
      // Every layer meets in forward and in backward.
      meet_without_samples(2 * static_cast<int64_t>(batch_norms_.size()));
      return;
    }
    const torch::Tensor loss =
        scaled_loss(slots_.begin + local, plan, batch, slot_values);
    gradients[static_cast<size_t>(local)] = torch::autograd::grad(
        {loss}, trained_, {}, /*retain_graph=*/false, /*create_graph=*/false,
        /*allow_unused=*/true);
  });
  if (measures) {
    activation_bytes_ = tensor_memory_.peak_bytes();
  }
  for (size_t local = 0; local < gradients.size(); ++local) {
    give_to_reducer(static_cast<int64_t>(local), gradients[local]);
  }
}

// As if this slot's backward had run now.
void TrainStep::give_to_reducer(int64_t local_slot,
                                const std::vector<torch::Tensor>& gradients) {
  std::vector<torch::Tensor> parameters;
  std::vector<torch::Tensor> given;
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (gradients[i].defined()) {
      parameters.push_back(trained_[i]);
      given.push_back(gradients[i]);
    }
  }
  reducer_.begin_slot(local_slot);
  if (!given.empty()) {
    reducer_.set_statistics(slot_statistics(batch_norms_));
    torch::autograd::backward(parameters, given);
  }
  reducer_.end_slot();
}

torch::Tensor TrainStep::sum_over_slots(std::vector<torch::Tensor> leaves) {
  const bool exact = config_.reduce.reduction == "exact";
  SlotTree tree(!exact);
  for (torch::Tensor& leaf : leaves) {
    tree.add(std::move(leaf));
  }
  const torch::Tensor sum = tree.take();
  if (context_.data.size() == 1) {
    return sum;
  }
  if (exact) {
    context_.data.all_reduce_tree(buffer_of_tensor(sum),
                                  arithmetic_on(context_.device));
  } else {
    context_.data.all_reduce_sum(buffer_of_tensor(sum));
  }
  return sum;
}

// ---- after the slots ----

// One per metric, then the number of samples.
std::span<double> TrainStep::values_of(std::vector<double>& values,
                                       int64_t local) const {
  const size_t width = task_.sum_names().size() + 1;
  return std::span(values).subspan(static_cast<size_t>(local) * width, width);
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
      if (i % width == 0) {
        totals.slot_losses.push_back(all[begin + i]);
      }
    }
    totals.stop = totals.stop || all[begin + mine.size() - 1] > 0.0;
  }
  totals.samples = static_cast<int64_t>(totals.sums.back());
  totals.sums.pop_back();
  return totals;
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

// Losses and gradients are the same on every rank, so are the decisions.
void TrainStep::update(const StepPlan& plan, StepTotals* totals) {
  totals->loss_scale = loss_scale_.value();
  totals->grad_norm = gradient_norm(trained_) / loss_scale_.value();
  if (!std::isfinite(totals->sums.front())) {
    totals->skipped = "loss";
    return;
  }
  if (!std::isfinite(totals->grad_norm)) {
    totals->skipped = loss_scale_.lower() ? kLoweredScale : "gradient";
    return;
  }
  const double clip_norm = config_.optimizer.optim.clip_norm;
  const bool clips = clip_norm > 0.0 && totals->grad_norm > clip_norm;
  const double factor =
      (clips ? clip_norm / totals->grad_norm : 1.0) / loss_scale_.value();
  mark(context_.board, Phase::kUpdate);
  before_update_();
  if (factor != 1.0) {
    scale_gradients(trained_, factor);
  }
  optimizer_->step(plan.lr);
  update_batch_norms(plan);
  if (ema_.has_value()) {
    ema_->update();
  }
  loss_scale_.took_step();
}

StepTotals TrainStep::run(const StepPlan& plan, const NextBatch& next_batch) {
  const int64_t local_slots = slots_.end - slots_.begin;
  std::vector<double> values((task_.sum_names().size() + 1) *
                             static_cast<size_t>(local_slots));
  if (meeting_ != nullptr) {
    run_slots_together(plan, next_batch, values);
  } else {
    for (int64_t local = 0; local < local_slots; ++local) {
      mark(context_.board, Phase::kData);
      run_slot(slots_.begin + local, plan, next_batch(slots_.begin + local),
               values_of(values, local));
    }
  }
  {
    const TraceSpan span(trace_, "wait for sums");
    mark(context_.board, Phase::kReduce);
    reducer_.finish();
  }
  StepTotals totals = gather_totals(values);
  const TraceSpan span(trace_, "update");
  update(plan, &totals);
  return totals;
}

}  // namespace voxlift::trainer
