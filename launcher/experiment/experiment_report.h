#pragma once
// The comparisons of an experiment as a page and a table.

#include <optional>
#include <string>
#include <vector>

#include "launcher/experiment/experiment_plan.h"
#include "launcher/experiment/experiment_scores.h"

namespace voxlift::launcher {

// One initialisation beside the first one with all labels (the largest share
// of the plan).
struct Comparison {
  std::string init;
  std::optional<ScoreSummary> with_all;  // Nothing: no run has finished.
  // Where its mean reaches the final mean of the first initialisation with all
  // labels, by straight lines between what was measured; nothing: never.
  std::optional<double> share;
  bool share_is_bound = false;  // The smallest share that was tried is enough.
  std::optional<double> epochs;
};

std::vector<Comparison> compare_inits(const ExperimentPlan& plan,
                                      const ExperimentScores& scores);

// "init,fraction,seed,step,epoch,METRIC": a line for each evaluation of the
// finished runs; the last one of a run is its final score.
std::string scores_csv(const ExperimentPlan& plan,
                       const ExperimentScores& scores);

// One file that needs no other: curves against epochs and against the share of
// the labels, what is saved at equal score, all means, what is missing.
std::string report_html(const ExperimentPlan& plan,
                        const ExperimentScores& scores);

}  // namespace voxlift::launcher
