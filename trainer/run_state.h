#pragma once
// Where a run stands: the part of a checkpoint that is no tensor.

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "trainer/checkpoint/retention.h"

namespace voxlift::trainer {

struct RunState {
  int64_t step = 0;  // Steps done since the beginning.
  int64_t samples_seen = 0;
  int64_t evaluated_step = -1;  // Step of the last evaluation.
  Json scores;                  // What it gave.
  std::vector<BestScore> best;  // The best evaluated steps, best first.

  Json to_json() const;
  // Throws DataError naming `origin` and the member.
  static RunState from_json(const Json& json, const std::string& origin);
};

// Compares what the checkpoint `state` says about its run with `expected`.
// Throws ConfigError naming `origin`, the key and both values where they
// differ.
void check_identity(const Json& state, const Json& expected,
                    const std::string& origin);

// "schedule.lr = 0.05 (was 0.1)", one a difference, between the configuration
// that the checkpoint `state` was written with and `now` (names to values).
// Options that only say where things are or when they are kept are left out.
std::vector<std::string> changed_options(const Json& state, const Json& now);

}  // namespace voxlift::trainer
