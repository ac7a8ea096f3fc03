#pragma once
// A checkpoint as the run that wrote it scores it: network, weights, options.

#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "trainer/comm/communicator.h"
#include "trainer/model/model_config.h"
#include "trainer/train_config.h"
#include "trainer/weights/tensor_map.h"

namespace voxlift::launcher {

struct ScoredCheckpoint {
  std::string origin;  // For messages.
  trainer::TrainConfig run;
  trainer::ModelConfig model;
  std::vector<std::string> classes;
  // The weights, or their running mean where the run scores that.
  trainer::TensorMap weights;
  Json state;  // state.json, docs/checkpoint_format.md.
};

// `path`: a step_* folder, or a run's folder for its newest good one.
// COLLECTIVE over `control`: rank 0 looks, so that all ranks get the same
// checkpoint of a run that still goes on. Throws DataError, ConfigError,
// IoError naming `path`.
ScoredCheckpoint load_scored_checkpoint(Files& files, const std::string& path,
                                        trainer::Communicator& control);

// Copies the weights into `network`, which must have exactly these tensors.
// Throws DataError.
void load_into(torch::nn::Module& network, const ScoredCheckpoint& checkpoint);

}  // namespace voxlift::launcher
