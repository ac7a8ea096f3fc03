#pragma once
// Scores over a whole data set, every case exactly once.

#include "base/clock.h"
#include "base/json.h"
#include "sharding/dataset.h"
#include "sharding/sample_loader.h"
#include "trainer/comm/communicator.h"
#include "trainer/task/task.h"

namespace voxlift::trainer {

struct EvaluateOptions {
  int64_t batch = 32;
  int64_t workers = 1;
  int64_t prefetch_batches = 4;
  torch::Device device = torch::kCPU;
};

// The cases. Those of `loader` are the data set's.
struct EvaluateData {
  const sharding::Dataset& dataset;
  const sharding::SampleLoader& loader;
};

// COLLECTIVE over `control` (host memory). Case i is in batch i / batch; batch
// b goes to rank b modulo size; of a task that is scored on whole scans, case i
// goes to rank i modulo size. The rows of all cases are gathered and summed
// in case order on every rank, so that the scores do not depend on the number
// of ranks. Puts the network into evaluation mode and back into training mode.
// Throws InternalError if a case is missing or there twice.
Json evaluate(Task& task, const EvaluateData& data,
              const EvaluateOptions& options, Communicator& control,
              const Clock& clock);

}  // namespace voxlift::trainer
