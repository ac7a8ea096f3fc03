#pragma once
// A weight file, read as the checkpoint of a run whose configuration is given.

#include <string>
#include <vector>

#include "base/files.h"
#include "launcher/cli/scored_checkpoint.h"
#include "trainer/comm/communicator.h"

namespace voxlift::launcher {

struct WeightFile {
  std::string path;    // .safetensors or .pth.
  std::string config;  // Of a training run: task, transform, network.
  // Names of the classes; empty: "class 0", "class 1" ...
  std::vector<std::string> classes;
};

// The network's options are those in the file where it has some (voxlift export
// writes them), else those of the configuration. Every tensor of the network
// must be in the file, of its shape, and no other; if not, rank 0 prints what
// matches, and all ranks throw ConfigError. Throws it also for another number
// of classes; DataError, IoError naming a file. The state has "train_config", a
// digest of the configuration.
ScoredCheckpoint load_scored_file(Files& files, const WeightFile& given,
                                  const trainer::Communicator& control);

}  // namespace voxlift::launcher
