#pragma once
// Others' weight files, made ours.

#include <torch/torch.h>

#include <string>

#include "trainer/model/model_config.h"
#include "trainer/weights/load_weights.h"
#include "trainer/weights/network_weights.h"

namespace voxlift::trainer {

struct ImportConfig {
  // Fewer matched tensors than this share is an error.
  double min_matched_frac = 0.9;
  // Heads and decoders, too; otherwise the backbone alone.
  bool heads = true;
  // A shortcut in the first block, of early files: "keep" builds the network
  // with it (model.force_downsample), "drop" leaves it out.
  std::string shortcuts = "keep";
  ConvertConfig convert = {};

  // `conv`: the network's model.conv. Throws ConfigError.
  void validate(const std::string& path, const std::string& conv) const;
};

// What the file says of the network and `model` leaves open: the number of
// classes (0; 2 where the file has no last layer), and the first block's
// shortcut.
ModelConfig complete_model(ModelConfig model, const TensorMap& source,
                           const ImportConfig& config);

struct Imported {
  NetworkWeights weights;  // What the file gave, under the network's names.
  MatchReport report;
};

// Copies `source.tensors` into `network`, built from `model`. Throws
// ConfigError naming the file and the numbers where too few match.
Imported import_weights(torch::nn::Module& network, const ModelConfig& model,
                        const NetworkWeights& source,
                        const ImportConfig& config);

}  // namespace voxlift::trainer
