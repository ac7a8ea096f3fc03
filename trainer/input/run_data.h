#pragma once
// The data of one run: what it trains on, what it is scored on.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sharding/assignment.h"
#include "sharding/dataset.h"
#include "sharding/sample_loader.h"
#include "trainer/train_config.h"

namespace voxlift::trainer {

struct RunData {
  std::unique_ptr<sharding::Dataset> train;
  std::unique_ptr<sharding::Dataset> val;  // Null: none is configured.
  std::unique_ptr<sharding::SampleLoader> eval_loader;  // Null likewise.
  sharding::AssignmentConfig assignment;
  int64_t steps_per_epoch = 0;

  std::vector<std::string> classes;  // What the task tells apart.
};

// The names of what `task` (TaskConfig::kind) tells apart in a data set:
// classes of samples, of voxels or of boxes. Throws ConfigError if it has none.
std::vector<std::string> class_names(const sharding::Dataset& dataset,
                                     const std::string& task);

// Opens both data sets. Throws ConfigError if their classes differ, IoError,
// DataError.
RunData open_run_data(const TrainConfig& config);

// config.model with the number of classes resolved. Throws ConfigError if it
// has fewer than the data.
ModelConfig resolve_model(const TrainConfig& config, const RunData& data);

}  // namespace voxlift::trainer
