#include "trainer/run_checkpoints.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"
#include "trainer/weights/load_weights.h"

namespace voxlift::trainer {
namespace {

constexpr const char* kFolder = "checkpoints";
constexpr double kSecondsPerMinute = 60.0;

}  // namespace

RunCheckpoints::RunCheckpoints(const TrainConfig& config, TrainContext& context,
                               Task& task, TrainStep& step, Json identity,
                               Json facts)
    : config_(config),
      context_(context),
      task_(task),
      step_(step),
      identity_(std::move(identity)),
      facts_(std::move(facts)),
      started_s_(context.clock.now_s()),
      store_(context.files, join_path(config.run.out, kFolder),
             config.checkpoint.keep),
      saver_(context.control, store_, context.clock,
             {.align_bytes = config.checkpoint.align_kb << 10}) {
  step_.set_before_update([this] { wait_copied(); });
}

// What `work` takes is lost for the training.
void RunCheckpoints::counted(const std::function<void()>& work) {
  const double begin_s = context_.clock.now_s();
  work();
  stalled_s_ += context_.clock.now_s() - begin_s;
}

// ---- where a run comes from ----

// Rank 0 looks for the newest good one; the others take its word.
std::optional<int64_t> RunCheckpoints::find_newest() {
  int64_t step = -1;
  if (context_.is_root()) {
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
  agree_on_folder();
  return step < 0 ? std::nullopt : std::optional(step);
}

// Hosts that have a folder of this name each (/tmp, say) do not see each
// other's files.
void RunCheckpoints::agree_on_folder() {
  int64_t suffix = std::random_device()();
  context_.control.broadcast(buffer_of(std::span(&suffix, 1)), 0);
  store_.set_suffix(hex(static_cast<uint32_t>(suffix), 8));
  if (context_.control.size() == 1) {
    return;
  }
  if (context_.is_root()) {
    store_.leave_probe();
  }
  context_.control.barrier();
  const int64_t blind = all_reduce_max(
      context_.control, store_.sees_probe() ? -1 : context_.control.rank());
  saver_.set_alone(blind >= 0);
  if (context_.is_root()) {
    store_.remove_probe();
    if (blind >= 0) {
      log_warning(str_cat("rank ", blind, " does not see '",
                          join_path(config_.run.out, kFolder),
                          "': rank 0 writes whole checkpoints"));
    }
  }
}

Checkpoint RunCheckpoints::load_everywhere(int64_t step) {
  CheckpointBytes bytes;
  if (context_.is_root()) {
    bytes = store_.read(step);
  }
  for (auto* part : {&bytes.model, &bytes.optimizer, &bytes.state}) {
    broadcast_bytes(context_.control, part);
  }
  return store_.parse(step, bytes);
}

void RunCheckpoints::check_resumed(const Checkpoint& checkpoint,
                                   const RunState& state,
                                   int64_t total_steps) const {
  const std::string origin = store_.path_of(state.step);
  check_identity(checkpoint.state, identity_, origin);
  if (state.step > total_steps) {
    throw ConfigError(str_cat("'", origin, "' stands at step ", state.step,
                              ", this run ends at step ", total_steps,
                              ": raise run.epochs or run.max_steps, or give ",
                              "another run.out"));
  }
  for (const std::string& change :
       changed_options(checkpoint.state, context_.resolved_config)) {
    if (context_.is_root()) {
      log_warning("resuming with another option: " + change);
    }
  }
}

RunState RunCheckpoints::resume(int64_t step, int64_t total_steps) {
  const std::string origin = store_.path_of(step);
  const Checkpoint checkpoint = load_everywhere(step);
  RunState state = RunState::from_json(checkpoint.state, origin);
  check_resumed(checkpoint, state, total_steps);
  const MatchReport report =
      match_weights(task_.model(), checkpoint.model, {.load_head = true});
  if (report.matched_frac() < 1.0 || !report.unexpected.empty()) {
    throw DataError(str_cat("'", origin, "/model.safetensors' has other ",
                            "tensors than the network: ", report.matched.size(),
                            " match, ", report.missing.size(), " are missing, ",
                            report.unexpected.size(), " unexpected"));
  }
  step_.load_state(checkpoint.optimizer, origin);
  saved_step_ = state.step;
  return state;
}

// ---- what it leaves behind ----

Json RunCheckpoints::state_json(const RunState& state) const {
  Json json = state.to_json();
  json.update(facts_);
  json["identity"] = identity_;
  json["config"] = context_.resolved_config;
  json["world_size"] = context_.control.size();
  return json;
}

std::vector<int64_t> RunCheckpoints::protected_steps(
    const RunState& state) const {
  std::vector<int64_t> steps;
  for (const BestScore& score : state.best) {
    steps.push_back(score.step);
  }
  return steps;
}

void RunCheckpoints::start(const RunState& state) {
  saved_step_ = state.step;
  started_s_ = context_.clock.now_s();
  stalled_before_s_ = stalled_s_;
  step_.complete_state();
  saver_.start({.step = state.step,
                .model = named_tensors(task_.model()),
                .optimizer = step_.state(),
                .state = context_.is_root() ? state_json(state) : Json(),
                .protected_steps = protected_steps(state)});
}

void RunCheckpoints::save(const RunState& state) {
  if (saved_step_ != state.step) {
    settle();
    counted([&] { start(state); });
  }
}

// Rank 0's clock decides.
bool RunCheckpoints::due_by_time() {
  if (config_.checkpoint.every_minutes == 0.0) {
    return false;
  }
  const double passed_s = context_.clock.now_s() - started_s_;
  int64_t due =
      passed_s >= config_.checkpoint.every_minutes * kSecondsPerMinute ? 1 : 0;
  context_.control.broadcast(buffer_of(std::span(&due, 1)), 0);
  return due != 0;
}

void RunCheckpoints::save_if_due(const RunState& state) {
  std::optional<SaveOutcome> outcome;
  counted([&] { outcome = saver_.poll(); });
  if (outcome.has_value()) {
    handle(*outcome);
  }
  const int64_t every = config_.checkpoint.every_steps;
  const bool due_by_steps = every > 0 && state.step % every == 0;
  if (due_by_time() || due_by_steps) {
    save(state);
  }
}

void RunCheckpoints::wait_copied() {
  counted([this] { saver_.wait_copied(); });
}

void RunCheckpoints::settle() {
  if (saver_.busy()) {
    SaveOutcome outcome;
    counted([&] { outcome = saver_.wait(); });
    handle(outcome);
  }
}

void RunCheckpoints::handle(const SaveOutcome& outcome) {
  if (outcome.code != ExitCode::kOk) {
    handle_failure(outcome);
    return;
  }
  failures_ = 0;
  if (context_.allocation_end != nullptr) {
    context_.allocation_end->add_checkpoint(outcome.wall_s);
  }
  if (on_saved_) {
    on_saved_({.step = outcome.step,
               .bytes = outcome.bytes,
               .wall_s = outcome.wall_s,
               .stall_s = stalled_s_ - stalled_before_s_});
  }
}

void RunCheckpoints::handle_failure(const SaveOutcome& outcome) {
  saved_step_ = -1;
  run_alike(context_.control, [&] {
    if (outcome.code == ExitCode::kConfig) {
      throw ConfigError(outcome.message);
    }
    if (outcome.code != ExitCode::kIo) {
      throw InternalError(outcome.message);
    }
    if (++failures_ >= config_.checkpoint.max_failures || last_chance_) {
      throw IoError(outcome.message);
    }
  });
  if (context_.is_root()) {
    log_warning(str_cat(outcome.message, "; failure ", failures_, " of ",
                        config_.checkpoint.max_failures,
                        " in a row: training goes on, the checkpoints before "
                        "it stay"));
  }
}

void RunCheckpoints::note_scores(RunState* state) {
  if (config_.checkpoint.keep_best == 0) {
    return;
  }
  settle();
  if (saved_step_ != state->step) {
    return;  // It could not be written.
  }
  add_score({state->step, metric_of(state->scores, config_.checkpoint)},
            config_.checkpoint, &state->best);
  publish_best(*state);
}

void RunCheckpoints::publish_best(const RunState& state) {
  if (!context_.is_root()) {
    return;
  }
  Json best = Json::array();
  for (const BestScore& score : state.best) {
    best.push_back(
        {{"step", score.step},
         {"value", score.value},
         {"checkpoint", join_path(kFolder, base_name(path_of(score.step)))}});
  }
  const Json json = {
      {"metric", config_.checkpoint.metric},
      {"better", larger_is_better(config_.checkpoint) ? "larger" : "smaller"},
      {"best", best}};
  context_.files.publish(join_path(config_.run.out, "best.json"),
                         json.dump(2) + "\n");
}

void RunCheckpoints::finish(const RunState& state) {
  save(state);
  settle();
  if (saved_step_ != state.step) {
    last_chance_ = true;
    save(state);
    settle();
  }
}

}  // namespace voxlift::trainer
