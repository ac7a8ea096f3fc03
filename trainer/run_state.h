#pragma once
// Where a run stands: the part of a checkpoint that is no tensor.

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "trainer/checkpoint/retention.h"

namespace voxlift::trainer {

struct RunState {
  int64_t step = 0;  // Steps done since the beginning.
  int64_t samples_seen = 0;
  int64_t evaluated_step = -1;   // Step of the last evaluation.
  Json scores;                   // What it gave.
  int64_t nonfinite_in_row = 0;  // Steps skipped since the last that was not.
  int64_t nonfinite_steps = 0;   // Skipped since the beginning.
  // How this run computes its convolutions (ConvPlan); null: not yet decided.
  Json conv_ways;
  double loss_scale = 1.0;
  int64_t loss_scale_steps = 0;  // Good ones since it last changed.
  std::vector<BestScore> best;   // The best evaluated steps, best first.

  Json to_json() const;
  // Throws DataError naming `origin` and the member.
  static RunState from_json(const Json& json, const std::string& origin);
};

// Compares what the checkpoint `state` says about its run with `expected`.
// Throws ConfigError naming `origin`, the key and both values where they
// differ.
void check_identity(const Json& state, const Json& expected,
                    const std::string& origin);

// Names of the options that do not change the weights of a run: where things
// are, how fast they go, when they are kept.
const std::set<std::string>& options_without_effect();

// "schedule.lr = 0.05 (was 0.1)", one a difference, between the configuration
// that the checkpoint `state` was written with and `now` (names to values).
// options_without_effect() and the paths of the data are left out.
std::vector<std::string> changed_options(const Json& state, const Json& now);

}  // namespace voxlift::trainer
