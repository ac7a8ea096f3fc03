#pragma once
// Scores of two classes told apart by one number per case.

#include <span>

#include "base/json.h"
#include "trainer/metrics/roc.h"

namespace voxlift::trainer {

// {"auc", "auc_interval" (95 %, bootstrap over cases), "threshold", "accuracy",
// "sensitivity", "specificity", "precision", "f1" of score > threshold,
// "best_threshold": the one with the largest sensitivity + specificity on these
// cases, for use on others}. null: undefined, as an AUC of one class.
Json summarize_binary(std::span<const ScoredCase> cases, double threshold);

}  // namespace voxlift::trainer
