#include "trainer/train_loop.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/strings.h"
#include "sharding/assignment.h"
#include "sharding/sample_stream.h"
#include "trainer/conv_setup.h"
#include "trainer/evaluate.h"
#include "trainer/fault.h"
#include "trainer/input/collate.h"
#include "trainer/input/run_data.h"
#include "trainer/input/size_schedule.h"
#include "trainer/model/model_json.h"
#include "trainer/nonfinite.h"
#include "trainer/report/memory_report.h"
#include "trainer/report/step_report.h"
#include "trainer/report/trace_file.h"
#include "trainer/run_checkpoints.h"
#include "trainer/run_state.h"
#include "trainer/slot_requests.h"
#include "trainer/task/make_task.h"
#include "trainer/train_step.h"
#include "trainer/weights/load_weights.h"

namespace voxlift::trainer {
namespace {

constexpr const char* kResultFile = "result.json";

// The slots' samples out of a stream, which must be at `step_in_epoch`.
class StreamedBatches {
 public:
  // `waited_s`: of the streams before this one.
  StreamedBatches(sharding::SampleStream& stream, const torch::Device& device,
                  double waited_s)
      : stream_(stream), device_(device), waited_before_s_(waited_s) {}

  Batch next(int64_t slot, int64_t step_in_epoch) {
    if (samples_.has_value()) {
      stream_.recycle(*std::move(samples_));
    }
    samples_ = stream_.next();
    VOXLIFT_CHECK(samples_.has_value() && samples_->request.slot == slot &&
                      samples_->request.step == step_in_epoch,
                  "the stream is out of step");
    return to_batch(*samples_, device_);
  }

  double waited_s() const { return waited_before_s_ + stream_.waited_s(); }

 private:
  sharding::SampleStream& stream_;
  torch::Device device_;
  double waited_before_s_;
  std::optional<sharding::SampleBatch> samples_;  // Of the last call.
};

// One run on one rank. The public functions are called once, in order.
class TrainLoop {
 public:
  TrainLoop(const TrainConfig& config, TrainContext& context)
      : config_(config),
        context_(context),
        slots_(sharding::slots_of_rank(config.batch.slots,
                                       context.control.rank(),
                                       context.control.size())),
        faults_(parse_faults(config.run.fault, "run.fault"),
                context.control.rank(), config.run.out),
        trace_(context.files, context.clock,
               context.is_root() ? config.run.trace : "", 0) {}

  std::optional<TrainOutcome> earlier_result() const;
  void open_data();
  void build();
  void start_or_resume();
  TrainOutcome run();

 private:
  void lock_folder();
  void log_start();
  Json facts() const;
  Json identity() const;
  void load_initial_weights();
  void choose_conv_ways(bool resumed);

  void count_nonfinite(const StepPlan& plan, const StepTotals& totals);
  void run_range(bool* stop);
  void take_step(StreamedBatches& batches, bool* stop);
  void report_stragglers();
  // COLLECTIVE. Whether the allocation ends before another step could be saved.
  bool is_end_near();
  // COLLECTIVE. True if it has scored.
  bool evaluate_if_due();
  TrainOutcome finish();

  RunPosition position() const;
  int64_t total_steps() const;
  int64_t total_samples() const;

  const TrainConfig& config_;
  TrainContext& context_;
  sharding::SlotRange slots_;
  Faults faults_;
  TraceFile trace_;               // Outlives the step below.
  std::optional<FileLock> lock_;  // Outlives the checkpoints below.

  RunData data_;
  ModelConfig model_config_;
  std::unique_ptr<Task> task_;
  std::optional<TrainStep> step_;
  std::optional<RunCheckpoints> checkpoints_;

  RunState state_;
  std::optional<MemoryReport> memory_;  // Rank 0's.
  double data_waited_s_ = 0.0;
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
  if (context_.is_root()) {
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
  if (context_.is_root()) {
    memory_.emplace(
        MemoryReport::Run{.batches_ahead = config_.data.prefetch_batches,
                          .num_ranks = context_.control.size()});
  }
  task_ = make_task(config_, model_config_, data_.classes, context_.device);
  step_.emplace(config_, context_, slots_, *task_);
  checkpoints_.emplace(config_, context_, *task_, *step_, identity(), facts());
}

// What `voxlift predict` treats scans by.
Json TrainLoop::facts() const {
  return {{"classes", data_.classes},
          {"modality", dataio::modality_name(data_.train->modality())},
          {"recipe", data_.train->recipe()}};
}

// What a checkpoint must share with the run that goes on from it.
Json TrainLoop::identity() const {
  Json identity = {{"seed", config_.run.seed},
                   {"slots", config_.batch.slots},
                   {"slot_batch", config_.batch.slot_batch},
                   {"reduction", config_.reduce.reduction},
                   {"steps_per_epoch", data_.steps_per_epoch},
                   {"data", data_.fingerprint},
                   {"model", to_json(model_config_)}};
  if (config_.reduce.compress != "none") {  // Checkpoints of old do not say.
    identity["compress"] = config_.reduce.compress;
  }
  return identity;
}

void TrainLoop::load_initial_weights() {
  if (config_.init.weights.empty()) {
    return;
  }
  const MatchReport report = match_weights(
      task_->model(), read_weight_file(context_.files, config_.init.weights),
      {.load_head = config_.init.load_head, .convert = config_.init.convert});
  if (context_.is_root()) {
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
  if (step_->ema().has_value()) {
    step_->ema()->restart();
  }
}

// A run goes on with the ways that it began with. (Checkpoints of old were
// written by rule.)
void TrainLoop::choose_conv_ways(bool resumed) {
  if (!resumed) {
    const auto shape = make_train_loader(config_, *data_.train, 0)->shape();
    const ConvPlan plan = plan_convs(
        *task_,
        {.choice = config_.run.conv,
         .precision = config_.run.precision,
         .batch = {.samples = config_.batch.slot_batch,
                   .channels = shape.channels,
                   .shape = {shape.depth, shape.height, shape.width},
                   .classes = std::max<int64_t>(model_config_.classes, 1)}},
        context_);
    state_.conv_ways = plan.to_json();
  } else if (state_.conv_ways.is_null()) {
    state_.conv_ways = Json::object();
  }
  follow(task_->model(),
         ConvPlan::from_json(state_.conv_ways, config_.run.out));
}

void TrainLoop::log_start() {
  if (!context_.is_root()) {
    return;
  }
  log_info(str_cat("training on ", data_.assignment.num_samples, " samples of ",
                   data_.classes.size(), " classes, ", data_.steps_per_epoch,
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
    if (context_.is_root()) {
      lock_folder();
    }
  });
  const std::optional<int64_t> step = checkpoints_->find_newest();
  run_alike(context_.control, [&] {
    if (step.has_value()) {
      state_ = checkpoints_->resume(*step, total_steps());
      step_->loss_scale().restore(state_.loss_scale, state_.loss_scale_steps);
    } else {
      load_initial_weights();
    }
  });
  choose_conv_ways(step.has_value());
  report_ = std::make_unique<StepReport>(
      context_.is_root() ? config_.run.out : "", task_->sum_names(),
      total_samples(), context_.clock);
  checkpoints_->set_on_saved(
      [this](const CheckpointReport& report) { report_->checkpoint(report); });
  if (context_.is_root() && !context_.configuration_file.empty()) {
    context_.files.publish(join_path(config_.run.out, "resolved.cfg"),
                           context_.configuration_file);
  }
  if (context_.board != nullptr) {
    context_.board->set_step(state_.step);
  }
  log_start();
}

// ---- one step ----

RunPosition TrainLoop::position() const {
  return {.epoch = state_.step / data_.steps_per_epoch,
          .step_in_epoch = state_.step % data_.steps_per_epoch,
          .steps_per_epoch = data_.steps_per_epoch,
          .num_epochs = config_.run.epochs,
          .global_batch = config_.batch.slots * config_.batch.slot_batch};
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

void TrainLoop::count_nonfinite(const StepPlan& plan,
                                const StepTotals& totals) {
  if (is_nonfinite(totals)) {
    run_alike(context_.control, [&] {
      record_nonfinite({.out = config_.run.out,
                        .max_in_row = config_.run.max_nonfinite,
                        .is_root = context_.is_root()},
                       plan, totals, data_.assignment, data_.steps_per_epoch,
                       context_.files, &state_);
    });
  } else {
    state_.nonfinite_in_row = 0;
  }
  state_.loss_scale = step_->loss_scale().value();
  state_.loss_scale_steps = step_->loss_scale().good_steps();
}

void TrainLoop::take_step(StreamedBatches& batches, bool* stop) {
  const double started_s = context_.clock.now_s();
  const double waited_before_s = step_->comm_waited_s();
  mark(context_.board, Phase::kForward);  // A slow rank's faults are its own.
  faults_.begin_step(state_.step);
  const int64_t step_in_epoch = position().step_in_epoch;
  const StepPlan plan = {
      .step = state_.step,
      .num_samples = step_size(data_.assignment, step_in_epoch),
      .lr = learning_rate(config_.schedule, position()),
      .poison = faults_.poisons(state_.step)};
  step_->set_trace(trace_.trace());
  const StepTotals totals = step_->run(
      plan, [&](int64_t slot) { return batches.next(slot, step_in_epoch); });
  if (context_.allocation_end != nullptr) {
    context_.allocation_end->add_step(context_.clock.now_s() - started_s);
  }
  if (context_.is_root()) {
    report_->step(state_, position(), totals,
                  {.lr = plan.lr,
                   .step_s = context_.clock.now_s() - started_s,
                   .data_wait_s = batches.waited_s(),
                   .comm_wait_s = step_->comm_waited_s()});
    memory_->plan(step_->memory(), *report_);
  }
  count_nonfinite(plan, totals);
  trace_.end_step();
  faults_.end_step(context_.clock.now_s() - started_s -
                   (step_->comm_waited_s() - waited_before_s));
  ++state_.step;
  if (context_.board != nullptr) {
    context_.board->step_done(state_.step);
  }
  report_stragglers();
  state_.samples_seen += totals.samples;
  set_log_step(state_.step);
  *stop = totals.stop;
}

// ---- between steps ----

void TrainLoop::report_stragglers() {
  if (context_.watch == nullptr || !context_.is_root()) {
    return;
  }
  for (const Json& line : context_.watch->take_events()) {
    report_->event(line);
  }
}

bool TrainLoop::is_end_near() {
  const AllocationEnd* end = context_.allocation_end;
  return end != nullptr &&
         all_reduce_max(context_.control,
                        end->is_near(context_.clock.now_s()) ? 1 : 0) != 0;
}

bool TrainLoop::evaluate_if_due() {
  const bool at_end = state_.step == total_steps();
  const bool at_epoch_end = state_.step % data_.steps_per_epoch == 0;
  const int64_t epochs_done = state_.step / data_.steps_per_epoch;
  const int64_t every = config_.eval.every_epochs;
  const bool due = at_end || (at_epoch_end && epochs_done > 0 && every > 0 &&
                              epochs_done % every == 0);
  if (data_.val == nullptr || !due || state_.evaluated_step == state_.step) {
    return false;
  }
  // What is trained is safe before minutes of scoring.
  mark(context_.board, Phase::kCheckpoint);
  checkpoints_->save(state_);
  mark(context_.board, Phase::kEvaluate);
  checkpoints_->wait_copied();  // Scoring may put other weights in.
  if (context_.is_root()) {
    memory_->peak(*report_);  // Of training: scoring may take more.
  }
  std::optional<EmaWeights> mean;  // In the network while it is scored.
  if (config_.ema.evaluate && step_->ema().has_value()) {
    mean.emplace(*step_->ema());
  }
  state_.scores = evaluate(*task_, {*data_.val, *data_.eval_loader},
                           {.batch = config_.eval.batch,
                            .workers = config_.data.workers,
                            .prefetch_batches = config_.data.prefetch_batches,
                            .device = context_.device},
                           context_.control, context_.clock);
  state_.evaluated_step = state_.step;
  checkpoints_->note_scores(&state_);
  if (context_.is_root()) {
    report_->evaluation(state_);
  }
  return true;
}

// The steps up to the next change of the crop size; a stream for each.
void TrainLoop::run_range(bool* stop) {
  const int64_t epoch = position().epoch;
  const SizeSchedule sizes(config_.data.photo_sizes, "photo.sizes");
  const int64_t end_step =
      std::min(total_steps(), sizes.next_change(epoch, config_.run.epochs) *
                                  data_.steps_per_epoch);
  const auto loader = make_train_loader(config_, *data_.train, epoch);
  sharding::SampleStream stream(
      *loader,
      {.num_workers = config_.data.workers,
       .prefetch_batches = config_.data.prefetch_batches,
       .seed = config_.run.seed},
      slot_requests(data_.assignment, slots_, state_.step, end_step),
      context_.clock);
  StreamedBatches batches(stream, context_.device, data_waited_s_);
  while (state_.step < end_step && !*stop) {
    take_step(batches, stop);
    mark(context_.board, Phase::kCheckpoint);
    checkpoints_->save_if_due(state_);
    if (!*stop && evaluate_if_due()) {
      *stop = is_end_near();
    }
  }
  data_waited_s_ = batches.waited_s();
}

TrainOutcome TrainLoop::run() {
  evaluate_if_due();  // A run that was killed before it could.
  // Start and evaluations may take minutes of those that are left.
  bool stop = is_end_near();
  while (state_.step < total_steps() && !stop) {
    run_range(&stop);
  }
  return finish();
}

TrainOutcome TrainLoop::finish() {
  trace_.finish();
  const bool finished = state_.step == total_steps();
  if (finished) {
    evaluate_if_due();  // Where the wish to stop came with the last step.
  }
  mark(context_.board, Phase::kCheckpoint);
  checkpoints_->finish(state_);
  if (context_.is_root()) {
    memory_->peak(*report_);
    report_stragglers();
    if (context_.watch != nullptr) {
      for (const std::string& line : context_.watch->summary()) {
        log_warning(line);
      }
    }
    if (!finished && context_.allocation_end != nullptr &&
        context_.allocation_end->is_near(context_.clock.now_s())) {
      log_info("stopped: another step could not be saved before run.end_time");
    }
    report_->end(state_, finished);
    if (finished) {
      const Json result = {{"steps", state_.step},
                           {"samples", state_.samples_seen},
                           {"checkpoint", checkpoints_->path_of(state_.step)},
                           {"scores", state_.scores},
                           {"identity", identity()}};
      context_.files.publish(join_path(config_.run.out, kResultFile),
                             result.dump(2) + "\n");
    }
  }
  mark(context_.board, Phase::kEnd);
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
