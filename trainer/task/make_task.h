#pragma once
// Tasks by name.

#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

#include "trainer/task/task.h"
#include "trainer/train_config.h"

namespace voxlift::trainer {

// The task of `config` with a network of `model`, whose number of classes is
// resolved, on `device` and in training mode. `classes`: names of what is told
// apart, those of the data set (trainer/input/run_data.h). Throws ConfigError
// if the network does not fit the task.
std::unique_ptr<Task> make_task(const TrainConfig& config,
                                const ModelConfig& model,
                                const std::vector<std::string>& classes,
                                const torch::Device& device);

}  // namespace voxlift::trainer
