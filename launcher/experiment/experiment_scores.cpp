#include "launcher/experiment/experiment_scores.h"

#include <map>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/strings.h"

namespace voxlift::launcher {
namespace {

constexpr const char* kResultFile = "result.json";
constexpr const char* kLogFile = "log.jsonl";

// Nothing where the score is there, but undefined (null). Throws ConfigError
// if it is not there.
std::optional<double> score_of(const Json& scores, const std::string& metric,
                               const std::string& origin) {
  std::vector<std::string> names;
  for (const auto& [name, value] : scores.items()) {
    if (name == metric) {
      return value.is_number() ? std::optional(value.get<double>())
                               : std::nullopt;
    }
    if (value.is_number()) {
      names.push_back(name);
    }
  }
  throw ConfigError(
      str_cat("metric = '", metric, "': '", origin, "' has ",
              names.empty() ? "no scores" : str_join(names, ", ")));
}

// The evaluations in a log by step. A run that was restarted has told some
// twice, and a line may have been cut: the last that can be read counts.
std::map<int64_t, double> logged_scores(const Files& files,
                                        const std::string& path,
                                        const std::string& metric) {
  std::map<int64_t, double> scores;
  if (!files.exists(path)) {
    return scores;
  }
  const auto bytes = files.read(path);
  for (const std::string& text : str_split(as_text(bytes), '\n')) {
    if (text.find("\"evaluation\"") == std::string::npos) {
      continue;
    }
    const Json line = Json::parse(text, nullptr, false);
    if (!line.is_object() || line.value("type", "") != "evaluation") {
      continue;
    }
    if (const auto score = score_of(line, metric, path)) {
      scores[json_get<int64_t>(line, "step", path)] = *score;
    }
  }
  return scores;
}

// Nothing where the final score is undefined.
std::optional<RunScores> read_run(const PlannedRun& run,
                                  const std::string& metric,
                                  const std::string& dir, const Files& files) {
  const std::string path = join_path(dir, kResultFile);
  const Json result = parse_json(as_text(files.read(path)), path);
  const auto identity = json_get<Json>(result, "identity", path);
  const auto steps_per_epoch =
      json_get<int64_t>(identity, "steps_per_epoch", path);
  if (steps_per_epoch < 1) {
    throw DataError(str_cat("'", path, "': steps_per_epoch is ",
                            steps_per_epoch, ", at least 1 needed"));
  }
  const auto final_score =
      score_of(json_get<Json>(result, "scores", path), metric, path);
  if (!final_score) {
    return std::nullopt;
  }
  const auto last_step = json_get<int64_t>(result, "steps", path);
  auto scores = logged_scores(files, join_path(dir, kLogFile), metric);
  scores.erase(scores.upper_bound(last_step), scores.end());
  scores[last_step] = *final_score;
  RunScores read{.run = run, .curve = {}};
  for (const auto& [step, score] : scores) {
    read.curve.push_back({.step = step,
                          .epoch = static_cast<double>(step) /
                                   static_cast<double>(steps_per_epoch),
                          .score = score});
  }
  return read;
}

std::vector<SummaryPoint> summarize_each(
    const std::map<double, std::vector<double>>& scores_at) {
  std::vector<SummaryPoint> points;
  for (const auto& [x, scores] : scores_at) {
    points.push_back({.x = x, .y = summarize_scores(scores)});
  }
  return points;
}

}  // namespace

bool is_finished(const Files& files, const std::string& run_dir) {
  return files.exists(join_path(run_dir, kResultFile));
}

ExperimentScores read_scores(const ExperimentPlan& plan, const std::string& out,
                             const Files& files) {
  ExperimentScores scores;
  for (const PlannedRun& run : plan.runs()) {
    const std::string dir = run_dir(out, run);
    if (!is_finished(files, dir)) {
      scores.missing.push_back(str_cat(run.name(), ": not finished"));
    } else if (auto read = read_run(run, plan.metric, dir, files)) {
      scores.runs.push_back(*std::move(read));
    } else {
      scores.missing.push_back(
          str_cat(run.name(), ": ", plan.metric, " is undefined"));
    }
  }
  return scores;
}

std::vector<SummaryPoint> against_epochs(const ExperimentScores& scores,
                                         const std::string& init,
                                         double fraction) {
  std::map<double, std::vector<double>> at;
  for (const RunScores& run : scores.runs) {
    if (run.run.init == init && run.run.fraction == fraction) {
      for (const ScorePoint& point : run.curve) {
        at[point.epoch].push_back(point.score);
      }
    }
  }
  return summarize_each(at);
}

std::vector<SummaryPoint> against_share(const ExperimentScores& scores,
                                        const std::string& init) {
  std::map<double, std::vector<double>> at;
  for (const RunScores& run : scores.runs) {
    if (run.run.init == init) {
      at[run.run.fraction].push_back(run.curve.back().score);
    }
  }
  return summarize_each(at);
}

}  // namespace voxlift::launcher
