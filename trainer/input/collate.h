#pragma once
// Decoded samples to tensors.

#include <torch/torch.h>

#include <memory>

#include "dataio/manifest.h"
#include "dataio/transform/transform.h"
#include "sharding/sample_stream.h"
#include "trainer/task/task.h"
#include "trainer/train_config.h"

namespace voxlift::trainer {

// The samples on `device`. On the CPU the tensors share the memory of
// `samples`, which must outlive them.
Batch to_batch(sharding::SampleBatch& samples, const torch::Device& device);

// The transforms that belong to what the samples are.
std::unique_ptr<dataio::Transform> train_transform(const TrainConfig& config,
                                                   dataio::Modality modality);
std::unique_ptr<dataio::Transform> eval_transform(const TrainConfig& config,
                                                  dataio::Modality modality);

}  // namespace voxlift::trainer
