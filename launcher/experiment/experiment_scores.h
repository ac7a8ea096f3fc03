#pragma once
// What the runs of an experiment have reached, from their result.json and
// log.jsonl.

#include <cstdint>
#include <string>
#include <vector>

#include "base/files.h"
#include "launcher/experiment/experiment_plan.h"
#include "launcher/experiment/score_summary.h"

namespace voxlift::launcher {

struct ScorePoint {
  int64_t step = 0;
  double epoch = 0.0;
  double score = 0.0;
};

// A finished run: its evaluations by step, the final one last.
struct RunScores {
  PlannedRun run;
  std::vector<ScorePoint> curve;
};

struct ExperimentScores {
  std::vector<RunScores> runs;
  // "ours_f20_s1: not finished".
  std::vector<std::string> missing;
};

bool is_finished(const Files& files, const std::string& run_dir);

// Throws ConfigError if a finished run has no score plan.metric, naming those
// there are; DataError, IoError.
ExperimentScores read_scores(const ExperimentPlan& plan, const std::string& out,
                             const Files& files);

// The runs of `init` with `fraction` of the labels, over their seeds, against
// epochs.
std::vector<SummaryPoint> against_epochs(const ExperimentScores& scores,
                                         const std::string& init,
                                         double fraction);

// Final scores of the runs of `init` against the share of the labels.
std::vector<SummaryPoint> against_share(const ExperimentScores& scores,
                                        const std::string& init);

}  // namespace voxlift::launcher
