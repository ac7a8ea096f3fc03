#pragma once
// Runs of an experiment that were never made: their files only.

#include <string>
#include <vector>

#include "base/json.h"
#include "base/strings.h"
#include "launcher/experiment/experiment_plan.h"
#include "tests/support/temp_dir.h"

namespace voxlift::test {

// Two initialisations, four label shares, two seeds; 10 steps an epoch with all
// labels.
inline launcher::ExperimentPlan made_plan() {
  launcher::ExperimentPlan plan;
  plan.kind = "annotation";
  plan.metric = "auc";
  plan.inits = {{"scratch", "", ""}, {"ours", "runs/pre", ""}};
  plan.fractions = {0.25, 0.5, 0.75, 1.0};
  plan.seeds = {0, 1};
  return plan;
}

inline std::string evaluation_line(int64_t step, const Json& auc) {
  return Json{{"type", "evaluation"}, {"step", step}, {"auc", auc}}.dump() +
         "\n";
}

// Writes result.json and log.jsonl of a finished run with an evaluation after
// each epoch.
inline void write_run(const TempDir& temp, const launcher::PlannedRun& run,
                      const std::vector<Json>& scores) {
  const std::string dir = "exp/runs/" + run.name() + "/";
  std::string log = R"({"type":"start","step":0})"
                    "\n";
  for (size_t i = 0; i < scores.size(); ++i) {
    const auto step = static_cast<int64_t>(10 * (i + 1));
    log += str_cat(R"({"type":"step","step":)", step - 1, "}\n");
    log += evaluation_line(step, scores[i]);
  }
  temp.write(dir + "log.jsonl", log);
  temp.write(dir + "result.json",
             Json{{"steps", 10 * scores.size()},
                  {"scores", {{"auc", scores.back()}, {"loss", 0.5}}},
                  {"identity", {{"steps_per_epoch", 10}}}}
                 .dump());
}

// scratch ends at 0.5 + 0.4 f, ours 0.15 above it, seed 1 0.02 above seed 0;
// after the first of two epochs they stand 0.2 lower.
inline void write_all_runs(const TempDir& temp,
                           const launcher::ExperimentPlan& plan) {
  for (const launcher::PlannedRun& run : plan.runs()) {
    const double score = 0.5 + 0.4 * run.fraction +
                         (run.init == "ours" ? 0.15 : 0.0) +
                         0.02 * static_cast<double>(run.seed);
    write_run(temp, run, {score - 0.2, score});
  }
}

}  // namespace voxlift::test
