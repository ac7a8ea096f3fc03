#include "trainer/run_state.h"

#include <set>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {

Json RunState::to_json() const {
  return {{"step", step},
          {"samples_seen", samples_seen},
          {"evaluated_step", evaluated_step},
          {"scores", scores}};
}

RunState RunState::from_json(const Json& json, const std::string& origin) {
  RunState state;
  state.step = json_get<int64_t>(json, "step", origin);
  state.samples_seen = json_get<int64_t>(json, "samples_seen", origin);
  state.evaluated_step = json_get<int64_t>(json, "evaluated_step", origin);
  state.scores = json.value("scores", Json());
  return state;
}

void check_identity(const Json& state, const Json& expected,
                    const std::string& origin) {
  const Json found = json_get<Json>(state, "identity", origin);
  for (const auto& [key, value] : expected.items()) {
    const Json before = found.value(key, Json());
    if (before != value) {
      throw ConfigError(str_cat("'", origin, "' belongs to a run with ", key,
                                " = ", before.dump(), ", this one has ",
                                value.dump(),
                                ": give another run.out or the old value"));
    }
  }
}

std::vector<std::string> changed_options(const Json& state, const Json& now) {
  static const std::set<std::string> kHarmless = {"run.out",
                                                  "run.fault",
                                                  "run.max_steps",
                                                  "data.train",
                                                  "data.val",
                                                  "data.workers",
                                                  "data.stage_dir",
                                                  "data.stage_mb",
                                                  "checkpoint.keep",
                                                  "checkpoint.every_steps",
                                                  "comm.deadline_s",
                                                  "comm.first_deadline_s",
                                                  "comm.heartbeat_port",
                                                  "comm.heartbeat_s",
                                                  "comm.interface",
                                                  "comm.long_deadline_s",
                                                  "comm.silent_s",
                                                  "watch.straggler_factor",
                                                  "watch.straggler_steps",
                                                  "data.prefetch_batches"};
  const Json before = state.value("config", Json::object());
  std::vector<std::string> changes;
  for (const auto& [name, value] : now.items()) {
    const Json old = before.value(name, Json());
    if (old != value && !kHarmless.contains(name)) {
      changes.push_back(
          str_cat(name, " = ", value.dump(), " (was ", old.dump(), ")"));
    }
  }
  return changes;
}

}  // namespace voxlift::trainer
