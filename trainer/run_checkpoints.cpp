#include "trainer/run_checkpoints.h"

#include <chrono>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"
#include "trainer/weights/load_weights.h"

namespace voxlift::trainer {

RunCheckpoints::RunCheckpoints(const TrainConfig& config, TrainContext& context,
                               Task& task, TrainStep& step, Json identity,
                               Json facts)
    : config_(config),
      context_(context),
      task_(task),
      step_(step),
      identity_(std::move(identity)),
      facts_(std::move(facts)),
      store_(context.files, join_path(config.run.out, "checkpoints"),
             config.checkpoint.keep),
      writer_(store_) {}

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
  return step < 0 ? std::nullopt : std::optional(step);
}

RunState RunCheckpoints::resume(int64_t step, int64_t total_steps) {
  const std::string origin = store_.path_of(step);
  const Checkpoint checkpoint = store_.load(step);
  RunState state = RunState::from_json(checkpoint.state, origin);
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

// A gradient may overflow where the loss did not: nothing that is not finite is
// ever saved. The same answer on every rank.
void RunCheckpoints::check_weights(const RunState& state) const {
  for (const auto& [name, tensor] : named_tensors(task_.model())) {
    if (tensor.is_floating_point() && !tensor.isfinite().all().item<bool>()) {
      throw ConfigError(str_cat(
          "'", name, "' is not finite after step ", state.step,
          ": lower schedule.lr or raise schedule.warmup_steps; no checkpoint ",
          "of it is written"));
    }
  }
}

void RunCheckpoints::save(const RunState& state) {
  if (saved_step_ == state.step) {
    return;
  }
  run_alike(context_.control, [&] { check_weights(state); });
  saved_step_ = state.step;
  if (!context_.is_root()) {
    return;
  }
  save_began_s_ = context_.clock.now_s();
  Json json = state.to_json();
  json.update(facts_);
  json["identity"] = identity_;
  json["config"] = context_.resolved_config;
  json["world_size"] = context_.control.size();
  writer_.save(state.step, {.model = snapshot(named_tensors(task_.model())),
                            .optimizer = snapshot(step_.state()),
                            .state = std::move(json)});
}

void RunCheckpoints::measure_written() {
  if (save_began_s_.has_value() && !writer_.busy()) {
    if (context_.allocation_end != nullptr) {
      context_.allocation_end->add_checkpoint(context_.clock.now_s() -
                                              *save_began_s_);
    }
    save_began_s_.reset();
  }
}

void RunCheckpoints::save_if_due(const RunState& state) {
  const int64_t every = config_.checkpoint.every_steps;
  if (every > 0 && state.step % every == 0) {
    save(state);
  }
  writer_.poll();
  measure_written();
}

// The others come back to a collective every few seconds while rank 0 writes,
// so that a slow disk is not taken for a lost rank.
void RunCheckpoints::finish() {
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

}  // namespace voxlift::trainer
