#include "launcher/experiment/experiment_plan.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"

namespace voxlift::launcher {
namespace {

bool is_good_name(const std::string& name) {
  return !name.empty() && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '.';
         });
}

Initialisation parse_initialisation(const std::string& word) {
  const size_t equals = word.find('=');
  const std::string name = word.substr(0, equals);
  if (equals == std::string::npos || !is_good_name(name)) {
    throw ConfigError(str_cat("inits has '", word,
                              "': must be NAME=WEIGHTS or NAME=@FILE, with "
                              "letters, digits, '-' and '.' in NAME"));
  }
  const std::string value = word.substr(equals + 1);
  if (value.starts_with('@')) {
    return {.name = name, .weights = {}, .options_file = value.substr(1)};
  }
  return {.name = name, .weights = value, .options_file = {}};
}

Json init_json(const Initialisation& init) {
  return {{"name", init.name},
          {"weights", init.weights},
          {"options_file", init.options_file}};
}

Json run_json(size_t task, const std::string& out, const PlannedRun& run) {
  return {{"task", task},
          {"init", run.init},
          {"fraction", run.fraction},
          {"seed", run.seed},
          {"dir", run_dir(out, run)}};
}

}  // namespace

std::vector<Initialisation> parse_initialisations(
    std::span<const std::string> words) {
  std::vector<Initialisation> inits;
  std::set<std::string> names;
  for (const std::string& word : words) {
    inits.push_back(parse_initialisation(word));
    if (!names.insert(inits.back().name).second) {
      throw ConfigError(str_cat("inits names '", inits.back().name, "' twice"));
    }
  }
  if (inits.empty()) {
    throw ConfigError("inits is not set: give scratch=,ours=runs/pretrain");
  }
  return inits;
}

std::vector<double> parse_fractions(std::span<const std::string> words) {
  std::set<double> fractions;
  for (const std::string& word : words) {
    const std::optional<double> value = parse_double(word);
    if (!value || !(*value > 0.0 && *value <= 1.0)) {
      throw ConfigError(
          str_cat("fractions has '", word, "': must be a number in (0, 1]"));
    }
    fractions.insert(*value);
  }
  return {fractions.begin(), fractions.end()};
}

std::string PlannedRun::name() const {
  return str_cat(init, "_f", 100.0 * fraction, "_s", seed);
}

std::string run_dir(const std::string& out, const PlannedRun& run) {
  return join_path(join_path(out, "runs"), run.name());
}

std::vector<PlannedRun> ExperimentPlan::runs() const {
  std::vector<PlannedRun> all;
  for (const uint64_t seed : seeds) {
    for (const double fraction : fractions) {
      for (const Initialisation& init : inits) {
        all.push_back({.init = init.name, .fraction = fraction, .seed = seed});
      }
    }
  }
  return all;
}

const Initialisation& ExperimentPlan::init_of(const PlannedRun& run) const {
  const auto found = std::find_if(
      inits.begin(), inits.end(),
      [&](const Initialisation& init) { return init.name == run.init; });
  VOXLIFT_CHECK(found != inits.end(), "no such initialisation: " + run.init);
  return *found;
}

Json ExperimentPlan::to_json(const std::string& out) const {
  Json json = {{"kind", kind},
               {"metric", metric},
               {"larger_is_better", larger_is_better},
               {"inits", Json::array()},
               {"fractions", fractions},
               {"seeds", seeds},
               {"runs", Json::array()}};
  for (const Initialisation& init : inits) {
    json["inits"].push_back(init_json(init));
  }
  for (const PlannedRun& run : runs()) {
    json["runs"].push_back(run_json(json["runs"].size() + 1, out, run));
  }
  return json;
}

ExperimentPlan ExperimentPlan::from_json(const Json& json,
                                         const std::string& origin) {
  ExperimentPlan plan;
  plan.kind = json_get<std::string>(json, "kind", origin);
  plan.metric = json_get<std::string>(json, "metric", origin);
  plan.larger_is_better = json_get<bool>(json, "larger_is_better", origin);
  plan.fractions = json_get<std::vector<double>>(json, "fractions", origin);
  plan.seeds = json_get<std::vector<uint64_t>>(json, "seeds", origin);
  for (const Json& init : json_get<Json>(json, "inits", origin)) {
    plan.inits.push_back(
        {.name = json_get<std::string>(init, "name", origin),
         .weights = json_get<std::string>(init, "weights", origin),
         .options_file = json_get<std::string>(init, "options_file", origin)});
  }
  if (plan.inits.empty() || plan.fractions.empty() || plan.seeds.empty()) {
    throw DataError(str_cat("'", origin, "' plans no run"));
  }
  return plan;
}

}  // namespace voxlift::launcher
