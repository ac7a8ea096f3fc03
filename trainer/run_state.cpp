#include "trainer/run_state.h"

#include <set>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/model/model_json.h"

namespace voxlift::trainer {

Json RunState::to_json() const {
  return {{"step", step},
          {"samples_seen", samples_seen},
          {"evaluated_step", evaluated_step},
          {"scores", scores},
          {"nonfinite_in_row", nonfinite_in_row},
          {"nonfinite_steps", nonfinite_steps},
          {"loss_scale", loss_scale},
          {"loss_scale_steps", loss_scale_steps},
          {"conv_ways", conv_ways},
          {"best", trainer::to_json(best)}};
}

namespace {

// Members that older checkpoints do not have.
template <typename T>
T get_or(const Json& json, const std::string& key, T value,
         const std::string& origin) {
  return json.contains(key) ? json_get<T>(json, key, origin) : value;
}

}  // namespace

RunState RunState::from_json(const Json& json, const std::string& origin) {
  RunState state;
  state.step = json_get<int64_t>(json, "step", origin);
  state.samples_seen = json_get<int64_t>(json, "samples_seen", origin);
  state.evaluated_step = json_get<int64_t>(json, "evaluated_step", origin);
  state.scores = json.value("scores", Json());
  state.nonfinite_in_row = get_or<int64_t>(json, "nonfinite_in_row", 0, origin);
  state.nonfinite_steps = get_or<int64_t>(json, "nonfinite_steps", 0, origin);
  state.loss_scale = get_or<double>(json, "loss_scale", 1.0, origin);
  state.loss_scale_steps = get_or<int64_t>(json, "loss_scale_steps", 0, origin);
  state.conv_ways = json.value("conv_ways", Json());
  state.best = best_from_json(json.value("best", Json::array()), origin);
  return state;
}

namespace {

// A network's options that did not exist when the checkpoint was written have
// their defaults.
Json completed(const std::string& key, const Json& value,
               const std::string& origin) {
  return key == "model" && value.is_object()
             ? to_json(model_config_from_json(value, origin))
             : value;
}

}  // namespace

void check_identity(const Json& state, const Json& expected,
                    const std::string& origin) {
  const Json found = json_get<Json>(state, "identity", origin);
  for (const auto& [key, value] : expected.items()) {
    const Json before = completed(key, found.value(key, Json()), origin);
    if (before != value) {
      throw ConfigError(str_cat("'", origin, "' belongs to a run with ", key,
                                " = ", before.dump(), ", this one has ",
                                value.dump(),
                                ": give another run.out or the old value"));
    }
  }
}

const std::set<std::string>& options_without_effect() {
  static const std::set<std::string> kNames = {"run.conv_memory",
                                               "checkpoint.every_steps",
                                               "checkpoint.keep",
                                               "checkpoint.align_kb",
                                               "checkpoint.max_failures",
                                               "checkpoint.every_minutes",
                                               "checkpoint.metric_mode",
                                               "checkpoint.metric",
                                               "checkpoint.keep_best",
                                               "comm.deadline_s",
                                               "watch.straggler_steps",
                                               "watch.straggler_factor",
                                               "comm.silent_s",
                                               "comm.long_deadline_s",
                                               "comm.interface",
                                               "comm.heartbeat_s",
                                               "comm.heartbeat_port",
                                               "comm.first_deadline_s",
                                               "data.prefetch_batches",
                                               "data.stage_dir",
                                               "data.stage_mb",
                                               "data.verify_checksums",
                                               "data.workers",
                                               "model.checkpoint_activations",
                                               "run.end_margin_s",
                                               "run.end_time",
                                               "run.fault",
                                               "run.max_nonfinite",
                                               "run.max_steps",
                                               "run.out",
                                               "run.trace"};
  return kNames;
}

std::vector<std::string> changed_options(const Json& state, const Json& now) {
  // The data set may have moved; whether it is the same, its fingerprint tells.
  static const std::set<std::string> kPaths = {"data.train", "data.val"};
  const Json before = state.value("config", Json::object());
  std::vector<std::string> changes;
  for (const auto& [name, value] : now.items()) {
    const Json old = before.value(name, Json());
    if (old != value && !kPaths.contains(name) &&
        !options_without_effect().contains(name)) {
      changes.push_back(
          str_cat(name, " = ", value.dump(), " (was ", old.dump(), ")"));
    }
  }
  return changes;
}

}  // namespace voxlift::trainer
