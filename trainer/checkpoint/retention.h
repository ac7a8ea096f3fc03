#pragma once
// Which checkpoints stay.

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "trainer/checkpoint/checkpoint_config.h"

namespace voxlift::trainer {

// One of the best checkpoints of a run.
struct BestScore {
  int64_t step = 0;
  double value = 0.0;

  bool operator==(const BestScore&) const = default;
};

// Is a larger value of the configured metric better? "auto" goes by the name:
// what ends in "loss" or "error" should be small.
bool larger_is_better(const CheckpointConfig& config);

// config.metric of an evaluation. Throws ConfigError naming the metrics that
// there are.
double metric_of(const Json& scores, const CheckpointConfig& config);

// Puts `score` into `best`, ordered with the best first, and cuts that to
// config.keep_best. A score of the same step is replaced, of equal values the
// earlier step is the better one, and what is not finite is never among them.
void add_score(const BestScore& score, const CheckpointConfig& config,
               std::vector<BestScore>* best);

Json to_json(const std::vector<BestScore>& best);
// Throws DataError naming `origin`.
std::vector<BestScore> best_from_json(const Json& json,
                                      const std::string& origin);

// Of `steps`, newest first, those to remove after `saved_step` was saved: older
// ones than the newest `keep` of those up to it, unless they are in
// `protected_steps`. Later ones are neither counted nor removed: a run that had
// to go back behind damaged ones must not lose what it saves now to them.
std::vector<int64_t> steps_to_remove(
    const std::vector<int64_t>& steps, int64_t saved_step, int64_t keep,
    const std::vector<int64_t>& protected_steps);

}  // namespace voxlift::trainer
