#include "trainer/run_state.h"

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
  state.saved_step = state.step;
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

}  // namespace voxlift::trainer
