#pragma once
// Weights together with the options of the network that they belong to: what
// leaves a run for other programs.

#include <string>

#include "base/files.h"
#include "base/json.h"
#include "trainer/weights/tensor_map.h"

namespace voxlift::trainer {

struct NetworkWeights {
  TensorMap tensors;
  // The network's options as trainer/model/model_json.h has them; null where
  // the file does not say.
  Json network;
  std::string origin;  // The file or the checkpoint's folder.
};

// Reads a step_* folder, a run's folder (its newest good checkpoint), or a
// .safetensors or .pth file. Of a checkpoint the weights are those that the
// run's own evaluations score: their running mean where the run keeps one and
// says so. Throws IoError, DataError naming the file, ConfigError where a run
// has no good checkpoint.
NetworkWeights read_network_weights(Files& files, const std::string& path);

// The key of the network's options in the metadata of a .safetensors file.
constexpr const char* kNetworkKey = "voxlift.network";

struct WriteConfig {
  // Of floating-point tensors: "keep", "float32", "float16" or "bfloat16";
  // integers stay as they are.
  std::string dtype = "keep";
  // "full": as in the network, backbone.conv1.weight; "bare": without
  // "backbone." and "head.", as torchvision and MONAI call them.
  std::string names = "full";

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// Writes a .safetensors or a .pth file, told by the end of `path`, atomically.
// Throws ConfigError naming a path that ends otherwise, DataError where two
// tensors would have one name, IoError.
void write_network_weights(const NetworkWeights& weights,
                           const WriteConfig& config, Files& files,
                           const std::string& path);

}  // namespace voxlift::trainer
