#pragma once
// Predictions for many scans, by any number of ranks, stopped and taken up
// again.
//
//   OUT/predict.json         what the predictions were made with
//   OUT/ID.nii.gz            a scan's files, where the task has some
//   OUT/records/ID.json      its values; written last: the scan is done
//   OUT/scores.csv           all of them; name by task, written at the end

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "base/json.h"
#include "dataio/decode/volume_file.h"
#include "dataio/recipe/recipe.h"
#include "dataio/transform/volume_transform.h"
#include "trainer/comm/communicator.h"
#include "trainer/infer/scan_predictor.h"

namespace voxlift::trainer {

struct ScanToPredict {
  std::string id;  // Unique; a relative path without a scan's extension.
  dataio::VolumeFile file;
};

struct PredictPlan {
  std::vector<ScanToPredict> scans;  // The same on every rank.
  std::string out;
  // Everything that decides the predictions, with a "digest" of it.
  Json made_with;
  dataio::Recipe recipe;
  dataio::VolumeTransformConfig transform;
};

struct PredictOutcome {
  int64_t done = 0;                 // In this run.
  int64_t kept = 0;                 // Done by an earlier one.
  std::vector<std::string> failed;  // Ids, in the order of the list.
};

// COLLECTIVE over `control`. Rank r takes scans r, r + size ... of those that
// are not done; where fewer are left than ranks, all ranks share each of them
// if the predictor gains by it. A scan that cannot be read is one line on
// standard error and left out of the table; the others go on. Everything is
// published atomically: whatever is killed, the next call goes on.
// Throws ConfigError, on all ranks, if `out` holds predictions that were made
// with something else, naming what; IoError where `out` cannot be written.
PredictOutcome run_predictions(const PredictPlan& plan,
                               ScanPredictor& predictor, Files& files,
                               Communicator& control, const Clock& clock);

}  // namespace voxlift::trainer
