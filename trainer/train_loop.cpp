#include "trainer/train_loop.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/strings.h"
#include "sharding/assignment.h"
#include "sharding/sample_stream.h"
#include "trainer/evaluate.h"
#include "trainer/fault.h"
#include "trainer/input/collate.h"
#include "trainer/input/run_data.h"
#include "trainer/model/model_json.h"
#include "trainer/report/step_report.h"
#include "trainer/run_state.h"
#include "trainer/slot_requests.h"
#include "trainer/task/classification.h"
#include "trainer/weights/load_weights.h"

namespace voxlift::trainer {
namespace {

constexpr const char* kResultFile = "result.json";
constexpr const char* kFaultMarker = "fault_fired";

using sharding::SampleBatch;

// One run on one rank. The public functions are called once, in order.
class TrainLoop {
 public:
  TrainLoop(const TrainConfig& config, TrainContext& context)
      : config_(config),
        context_(context),
        rank_(context.control.rank()),
        slots_(sharding::slots_of_rank(config.batch.slots, rank_,
                                       context.control.size())),
        fault_(parse_fault(config.run.fault, "run.fault")),
        store_(context.files, join_path(config.run.out, "checkpoints"),
               config.checkpoint.keep),
        writer_(store_) {}

  std::optional<TrainOutcome> earlier_result() const;
  void open_data();
  void build();
  void start_or_resume();
  TrainOutcome run();

 private:
  // Set-up.
  void lock_folder();
  void log_start();
  Json identity() const;
  void load_initial_weights();
  void resume(int64_t step);
  std::optional<int64_t> agree_on_checkpoint();

  // One step and its parts.
  void take_step(sharding::SampleStream& stream, bool* stop);
  void run_slot(int64_t slot, SampleBatch& samples,
                std::span<double> slot_values);
  void update_batch_norms();
  StepTotals gather_totals(const std::vector<double>& slot_values,
                           bool stop_here);
  void check_finite(const StepTotals& totals) const;
  void finish_step(const StepTotals& totals, double lr, double started_s,
                   const sharding::SampleStream& stream);

  // Between steps.
  void evaluate_if_due();
  void checkpoint_if_due();
  void check_weights() const;
  void save_checkpoint();
  void wait_for_writer();
  TrainOutcome finish();

  double learning_rate_now() const;
  RunPosition position() const;
  int64_t total_steps() const;
  int64_t total_samples() const;

  bool is_root() const { return rank_ == 0; }

  const TrainConfig& config_;
  TrainContext& context_;
  int rank_;
  sharding::SlotRange slots_;
  Fault fault_;
  std::optional<FileLock> lock_;  // Outlives the writer below.
  CheckpointStore store_;
  CheckpointWriter writer_;

  RunData data_;
  ModelConfig model_config_;
  std::unique_ptr<Task> task_;
  std::vector<BatchNormImpl*> batch_norms_;
  std::unique_ptr<Sgd> optimizer_;
  std::unique_ptr<GradientReducer> reducer_;

  RunState state_;
  std::unique_ptr<StepReport> report_;
};

// ---- set-up ----

// Of this run, as its result.json has it; nothing if more steps are wanted now.
std::optional<TrainOutcome> TrainLoop::earlier_result() const {
  const std::string path = join_path(config_.run.out, kResultFile);
  // What rank 0 sees counts: a network file system may tell the others late.
  int64_t there = context_.files.exists(path) ? 1 : 0;
  context_.control.broadcast(buffer_of(std::span(&there, 1)), 0);
  if (there == 0) {
    return std::nullopt;
  }
  const Json result = parse_json(as_text(context_.files.read(path)), path);
  check_identity(result, identity(), path);
  TrainOutcome outcome{.finished = true,
                       .steps = json_get<int64_t>(result, "steps", path),
                       .scores = result.value("scores", Json())};
  if (outcome.steps < total_steps()) {
    return std::nullopt;
  }
  if (is_root()) {
    log_info(str_cat("'", path, "' says that this run has finished after ",
                     outcome.steps, " steps; nothing to do"));
  }
  return outcome;
}

void TrainLoop::open_data() {
  data_ = open_run_data(config_);
  model_config_ = resolve_model(config_, data_);
}

void TrainLoop::build() {
  Classifier model(model_config_);
  initialize(*model, config_.run.seed);
  model->to(context_.device);
  model->train();
  batch_norms_ = batch_norms(*model);
  TensorMap parameters;
  std::vector<torch::Tensor> tensors;
  for (const auto& item : model->named_parameters()) {
    parameters.emplace_back(item.key(), item.value());
    tensors.push_back(item.value());
  }
  task_ = std::make_unique<Classification>(model, config_.loss);
  optimizer_ = std::make_unique<Sgd>(std::move(parameters), config_.sgd);
  reducer_ = std::make_unique<GradientReducer>(
      tensors, statistics_size(batch_norms_), slots_.end - slots_.begin,
      context_.data, config_.reduce);
}

// What a checkpoint must share with the run that goes on from it.
Json TrainLoop::identity() const {
  return {{"seed", config_.run.seed},
          {"slots", config_.batch.slots},
          {"slot_batch", config_.batch.slot_batch},
          {"reduction", config_.reduce.reduction},
          {"steps_per_epoch", data_.steps_per_epoch},
          {"data", hex(data_.train->fingerprint(), 8)},
          {"model", to_json(model_config_)}};
}

void TrainLoop::load_initial_weights() {
  if (config_.init.weights.empty()) {
    return;
  }
  const MatchReport report = match_weights(
      task_->model(), read_weight_file(context_.files, config_.init.weights),
      {.load_head = config_.init.load_head});
  if (is_root()) {
    log_info(
        str_cat("weights from '", config_.init.weights, "':\n", report.text()));
  }
  if (report.matched_frac() < config_.init.min_matched_frac) {
    throw ConfigError(str_cat(
        "init.weights = '", config_.init.weights, "': only ",
        report.matched.size(), " of ",
        report.matched.size() + report.missing.size() + report.reshaped.size(),
        " tensors match, init.min_matched_frac = ",
        config_.init.min_matched_frac));
  }
}

// Rank 0 looks for the newest good one; the others take its word.
std::optional<int64_t> TrainLoop::agree_on_checkpoint() {
  int64_t step = -1;
  if (is_root()) {
    store_.remove_leftovers();
    std::vector<std::string> problems;
    step = store_.newest_good(&problems).value_or(-1);
    for (const std::string& problem : problems) {
      log_warning(problem);
    }
    if (!problems.empty()) {
      log_warning(step < 0 ? "no good checkpoint is left: starting anew"
                           : str_cat("using the checkpoint of step ", step));
    }
  }
  context_.control.broadcast(buffer_of(std::span(&step, 1)), 0);
  return step < 0 ? std::nullopt : std::optional(step);
}

void TrainLoop::resume(int64_t step) {
  const std::string origin = store_.path_of(step);
  const Checkpoint checkpoint = store_.load(step);
  state_ = RunState::from_json(checkpoint.state, origin);
  check_identity(checkpoint.state, identity(), origin);
  if (state_.step > total_steps()) {
    throw ConfigError(str_cat("'", origin, "' stands at step ", state_.step,
                              ", this run ends at step ", total_steps(),
                              ": raise run.epochs or run.max_steps, or give ",
                              "another run.out"));
  }
  for (const std::string& change :
       changed_options(checkpoint.state, context_.resolved_config)) {
    if (is_root()) {
      log_warning("resuming with another option: " + change);
    }
  }
  const MatchReport report =
      match_weights(task_->model(), checkpoint.model, {.load_head = true});
  if (report.matched_frac() < 1.0 || !report.unexpected.empty()) {
    throw DataError(str_cat("'", origin, "/model.safetensors' has other ",
                            "tensors than the network: ", report.matched.size(),
                            " match, ", report.missing.size(), " are missing, ",
                            report.unexpected.size(), " unexpected"));
  }
  optimizer_->load_state(checkpoint.optimizer, origin);
}

void TrainLoop::log_start() {
  if (!is_root()) {
    return;
  }
  log_info(str_cat("training on ", data_.train->num_samples(), " samples of ",
                   data_.classes().size(), " classes, ", data_.steps_per_epoch,
                   " steps an epoch, ", total_steps(), " in all; ",
                   context_.control.size(), " ranks (", context_.control.name(),
                   "), ", config_.batch.slots, " slots of ",
                   config_.batch.slot_batch, ", from step ", state_.step));
  report_->start(state_, context_.control.size());
}

// One run at a time in a folder: each would remove the other's unfinished
// files.
void TrainLoop::lock_folder() {
  constexpr double kWaitS = 20.0;
  context_.files.make_dirs(config_.run.out);
  lock_.emplace(join_path(config_.run.out, "lock"), kWaitS, context_.clock);
}

void TrainLoop::start_or_resume() {
  run_alike(context_.control, [this] {
    if (is_root()) {
      lock_folder();
    }
  });
  const std::optional<int64_t> step = agree_on_checkpoint();
  run_alike(context_.control, [&] {
    if (step.has_value()) {
      resume(*step);
    } else {
      load_initial_weights();
    }
  });
  report_ = std::make_unique<StepReport>(is_root() ? config_.run.out : "",
                                         task_->sum_names(), total_samples(),
                                         context_.clock);
  if (is_root() && !context_.configuration_file.empty()) {
    context_.files.publish(join_path(config_.run.out, "resolved.cfg"),
                           context_.configuration_file);
  }
  log_start();
}

// ---- one step ----

RunPosition TrainLoop::position() const {
  return {.epoch = state_.step / data_.steps_per_epoch,
          .step_in_epoch = state_.step % data_.steps_per_epoch,
          .steps_per_epoch = data_.steps_per_epoch,
          .num_epochs = config_.run.epochs};
}

double TrainLoop::learning_rate_now() const {
  return learning_rate(config_.schedule, position());
}

int64_t TrainLoop::total_samples() const {
  const int64_t epochs = total_steps() / data_.steps_per_epoch;
  const int64_t rest = total_steps() % data_.steps_per_epoch;
  return epochs * data_.assignment.num_samples +
         std::min(data_.assignment.num_samples,
                  rest * config_.batch.slots * config_.batch.slot_batch);
}

int64_t TrainLoop::total_steps() const {
  const int64_t all = config_.run.epochs * data_.steps_per_epoch;
  return config_.run.max_steps > 0 ? std::min(all, config_.run.max_steps) : all;
}

void TrainLoop::run_slot(int64_t slot, SampleBatch& samples,
                         std::span<double> slot_values) {
  reducer_->begin_slot(slot - slots_.begin);
  if (!samples.labels.empty()) {
    const Batch batch = to_batch(samples, context_.device);
    // Dropout draws by (seed, step, slot): the same on any rank.
    torch::manual_seed(RandomStream(config_.run.seed, Purpose::kDropout,
                                    static_cast<uint64_t>(state_.step),
                                    static_cast<uint64_t>(slot))
                           .next_u64());
    const torch::Tensor loss = task_->loss(batch, slot_values);
    if (!batch_norms_.empty()) {
      reducer_->set_statistics(slot_statistics(batch_norms_));
    }
    // Sums over slots of this are the mean over the step's samples.
    (loss / static_cast<double>(state_.step_samples)).backward();
  }
  slot_values.back() = static_cast<double>(samples.labels.size());
  reducer_->end_slot();
}

// Running statistics move by the mean over the slots that had samples.
void TrainLoop::update_batch_norms() {
  if (batch_norms_.empty()) {
    return;
  }
  const int64_t used_slots = std::min(config_.batch.slots, state_.step_samples);
  update_running(batch_norms_,
                 reducer_->statistics() / static_cast<double>(used_slots));
}

// Every rank gets every slot's values and adds them in slot order.
StepTotals TrainLoop::gather_totals(const std::vector<double>& slot_values,
                                    bool stop_here) {
  std::vector<double> mine = slot_values;
  mine.push_back(stop_here ? 1.0 : 0.0);
  std::vector<double> all(mine.size() *
                          static_cast<size_t>(context_.control.size()));
  context_.control.all_gather(buffer_of(mine), buffer_of(all));
  const size_t width = task_->sum_names().size() + 1;
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

void TrainLoop::check_finite(const StepTotals& totals) const {
  if (std::isfinite(totals.sums.front())) {
    return;
  }
  throw ConfigError(str_cat(
      "the loss is ", totals.sums.front(), " at step ", state_.step, " (epoch ",
      position().epoch, ", learning rate ", learning_rate_now(),
      "): lower schedule.lr or raise schedule.warmup_steps"));
}

void TrainLoop::finish_step(const StepTotals& totals, double lr,
                            double started_s,
                            const sharding::SampleStream& stream) {
  if (is_root()) {
    report_->step(state_, position(), totals,
                  {.lr = lr,
                   .step_s = context_.clock.now_s() - started_s,
                   .data_wait_s = stream.waited_s(),
                   .comm_wait_s = reducer_->waited_s()});
  }
  ++state_.step;
  state_.samples_seen += totals.samples;
  set_log_step(state_.step);
}

void TrainLoop::take_step(sharding::SampleStream& stream, bool* stop) {
  const double started_s = context_.clock.now_s();
  fire_fault(fault_, state_.step, rank_,
             join_path(config_.run.out, kFaultMarker));
  const int64_t step_in_epoch = position().step_in_epoch;
  state_.step_samples = step_size(data_.assignment, step_in_epoch);
  const size_t width = task_->sum_names().size() + 1;
  std::vector<double> values(width *
                             static_cast<size_t>(slots_.end - slots_.begin));
  for (int64_t slot = slots_.begin; slot < slots_.end; ++slot) {
    auto samples = stream.next();
    VOXLIFT_CHECK(samples.has_value() && samples->request.slot == slot &&
                      samples->request.step == step_in_epoch,
                  "the stream is out of step");
    const auto index = static_cast<size_t>(slot - slots_.begin);
    run_slot(slot, *samples, std::span(values).subspan(index * width, width));
    stream.recycle(*std::move(samples));
  }
  reducer_->finish();
  const double lr = learning_rate_now();
  const StepTotals totals = gather_totals(values, context_.stop_requested());
  check_finite(totals);
  optimizer_->step(lr);
  update_batch_norms();
  finish_step(totals, lr, started_s, stream);
  *stop = totals.stop;
}

// ---- between steps ----

void TrainLoop::evaluate_if_due() {
  const bool at_end = state_.step == total_steps();
  const bool at_epoch_end = state_.step % data_.steps_per_epoch == 0;
  const int64_t epochs_done = state_.step / data_.steps_per_epoch;
  const int64_t every = config_.eval.every_epochs;
  const bool due = at_end || (at_epoch_end && epochs_done > 0 && every > 0 &&
                              epochs_done % every == 0);
  if (data_.val == nullptr || !due || state_.evaluated_step == state_.step) {
    return;
  }
  save_checkpoint();  // What is trained is safe before minutes of scoring.
  state_.scores = evaluate(*task_, *data_.eval_loader,
                           {.batch = config_.eval.batch,
                            .workers = config_.data.workers,
                            .prefetch_batches = config_.data.prefetch_batches,
                            .device = context_.device},
                           context_.control, context_.clock);
  state_.evaluated_step = state_.step;
  if (is_root()) {
    report_->evaluation(state_);
  }
}

// A gradient may overflow where the loss did not: nothing that is not finite is
// ever saved. The same answer on every rank.
void TrainLoop::check_weights() const {
  for (const auto& [name, tensor] : named_tensors(task_->model())) {
    if (tensor.is_floating_point() && !tensor.isfinite().all().item<bool>()) {
      throw ConfigError(str_cat(
          "'", name, "' is not finite after step ", state_.step,
          ": lower schedule.lr or raise schedule.warmup_steps; no checkpoint ",
          "of it is written"));
    }
  }
}

void TrainLoop::save_checkpoint() {
  if (state_.saved_step == state_.step) {
    return;
  }
  run_alike(context_.control, [this] { check_weights(); });
  state_.saved_step = state_.step;
  if (!is_root()) {
    return;
  }
  Json state = state_.to_json();
  state["identity"] = identity();
  state["classes"] = data_.classes();
  state["config"] = context_.resolved_config;
  state["world_size"] = context_.control.size();
  writer_.save(state_.step, {.model = snapshot(named_tensors(task_->model())),
                             .optimizer = snapshot(optimizer_->state()),
                             .state = std::move(state)});
}

void TrainLoop::checkpoint_if_due() {
  const int64_t every = config_.checkpoint.every_steps;
  if (every > 0 && state_.step % every == 0) {
    save_checkpoint();
  }
  writer_.poll();
}

// The others come back to a collective every few seconds while rank 0 writes,
// so that a slow disk is not taken for a lost rank.
void TrainLoop::wait_for_writer() {
  constexpr double kTurnS = 2.0;
  int64_t busy = 1;
  while (busy != 0) {
    const double end_s = context_.clock.now_s() + kTurnS;
    while (writer_.busy() && context_.clock.now_s() < end_s) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    busy = all_reduce_max(context_.control, writer_.busy() ? 1 : 0);
  }
  writer_.finish();
}

TrainOutcome TrainLoop::run() {
  bool stop = false;
  {
    sharding::SampleStream stream(
        *data_.train_loader,
        {.num_workers = config_.data.workers,
         .prefetch_batches = config_.data.prefetch_batches,
         .seed = config_.run.seed},
        slot_requests(data_.assignment, slots_, state_.step, total_steps()),
        context_.clock);
    evaluate_if_due();  // A run that was killed before it could.
    while (state_.step < total_steps() && !stop) {
      take_step(stream, &stop);
      checkpoint_if_due();
      if (!stop) {
        evaluate_if_due();
      }
    }
  }
  return finish();
}

TrainOutcome TrainLoop::finish() {
  const bool finished = state_.step == total_steps();
  if (finished) {
    evaluate_if_due();  // Where the wish to stop came with the last step.
  }
  save_checkpoint();
  wait_for_writer();
  if (is_root()) {
    report_->end(state_, finished);
    if (finished) {
      const Json result = {{"steps", state_.step},
                           {"samples", state_.samples_seen},
                           {"checkpoint", store_.path_of(state_.step)},
                           {"scores", state_.scores},
                           {"identity", identity()}};
      context_.files.publish(join_path(config_.run.out, kResultFile),
                             result.dump(2) + "\n");
    }
  }
  context_.control.barrier();
  return {.finished = finished, .steps = state_.step, .scores = state_.scores};
}

}  // namespace

TrainOutcome train(const TrainConfig& config, TrainContext& context) {
  std::unique_ptr<TrainLoop> loop;
  std::optional<TrainOutcome> earlier;
  run_alike(context.control, [&] {
    config.validate();
    loop = std::make_unique<TrainLoop>(config, context);
    loop->open_data();
    earlier = loop->earlier_result();
    if (!earlier.has_value()) {
      loop->build();
    }
  });
  if (earlier.has_value()) {
    return *earlier;
  }
  loop->start_or_resume();
  return loop->run();
}

}  // namespace voxlift::trainer
