#pragma once
// Decoded samples to tensors.

#include <torch/torch.h>

#include <memory>

#include "sharding/dataset.h"
#include "sharding/sample_loader.h"
#include "sharding/sample_stream.h"
#include "trainer/task/task.h"
#include "trainer/train_config.h"

namespace voxlift::trainer {

// The samples on `device`. On the CPU the tensors share the memory of
// `samples`, which must outlive them.
Batch to_batch(sharding::SampleBatch& samples, const torch::Device& device);

// Loaders with the transforms that belong to what the samples are. `dataset`
// must outlive them. That for training has the crop size of `epoch`.
std::unique_ptr<sharding::SampleLoader> make_train_loader(
    const TrainConfig& config, const sharding::Dataset& dataset, int64_t epoch);
std::unique_ptr<sharding::SampleLoader> make_eval_loader(
    const TrainConfig& config, const sharding::Dataset& dataset);

}  // namespace voxlift::trainer
