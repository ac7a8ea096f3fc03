#include "trainer/checkpoint/retention.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {

bool larger_is_better(const CheckpointConfig& config) {
  if (config.metric_mode != "auto") {
    return config.metric_mode == "max";
  }
  return !config.metric.ends_with("loss") && !config.metric.ends_with("error");
}

double metric_of(const Json& scores, const CheckpointConfig& config) {
  std::vector<std::string> names;
  for (const auto& [name, value] : scores.items()) {
    if (value.is_number() && name == config.metric) {
      return value.get<double>();
    }
    if (value.is_number()) {
      names.push_back(name);
    }
  }
  throw ConfigError(str_cat("checkpoint.metric = '", config.metric,
                            "': the evaluation has ", str_join(names, ", ")));
}

void add_score(const BestScore& score, const CheckpointConfig& config,
               std::vector<BestScore>* best) {
  std::erase_if(
      *best, [&](const BestScore& other) { return other.step == score.step; });
  if (!std::isfinite(score.value)) {
    return;
  }
  best->push_back(score);
  const bool larger = larger_is_better(config);
  std::sort(best->begin(), best->end(),
            [larger](const BestScore& a, const BestScore& b) {
              if (a.value != b.value) {
                return larger ? a.value > b.value : a.value < b.value;
              }
              return a.step < b.step;
            });
  if (best->size() > static_cast<size_t>(config.keep_best)) {
    best->resize(static_cast<size_t>(config.keep_best));
  }
}

Json to_json(const std::vector<BestScore>& best) {
  Json json = Json::array();
  for (const BestScore& score : best) {
    json.push_back({{"step", score.step}, {"value", score.value}});
  }
  return json;
}

std::vector<BestScore> best_from_json(const Json& json,
                                      const std::string& origin) {
  std::vector<BestScore> best;
  for (const Json& entry : json) {
    best.push_back({.step = json_get<int64_t>(entry, "step", origin),
                    .value = json_get<double>(entry, "value", origin)});
  }
  return best;
}

std::vector<int64_t> steps_to_remove(
    const std::vector<int64_t>& steps, int64_t saved_step, int64_t keep,
    const std::vector<int64_t>& protected_steps) {
  int64_t kept = 0;
  std::vector<int64_t> removed;
  for (const int64_t step : steps) {
    if (step <= saved_step && ++kept > keep &&
        std::find(protected_steps.begin(), protected_steps.end(), step) ==
            protected_steps.end()) {
      removed.push_back(step);
    }
  }
  return removed;
}

}  // namespace voxlift::trainer
