#pragma once
// When checkpoints are written, and which of them stay.

#include <cstdint>
#include <string>

namespace voxlift::trainer {

// All ranks have the same values.
struct CheckpointConfig {
  int64_t every_steps = 500;   // 0: not by steps.
  double every_minutes = 0.0;  // By rank 0's clock; 0: not by time.
  int64_t keep = 3;            // Newest ones kept.

  // So many with the best scores stay beside them; 0: none.
  int64_t keep_best = 0;
  std::string metric = "top1";  // Which score; a member of the evaluation's.
  // "max": larger is better, "min", or "auto": "min" for losses and errors.
  std::string metric_mode = "auto";

  // So many in a row that cannot be written end the run, fewer are a warning.
  int64_t max_failures = 3;
  // Ranks write parts of a file that begin at multiples of this. Not below the
  // page of the network file system; files smaller than it have one writer.
  int64_t align_kb = 1024;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

}  // namespace voxlift::trainer
