#pragma once
// The network that a golden file describes.

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "launcher/parity/golden_file.h"

namespace voxlift::launcher {

struct GoldenNetwork {
  std::shared_ptr<torch::nn::Module> module;
  // All outputs by their golden names.
  std::function<std::map<std::string, torch::Tensor>(const torch::Tensor& x)>
      outputs;
  // The loss of training step k, in float64. Empty: the network has none.
  std::function<torch::Tensor(int64_t k)> loss;
};

// By `golden.model`: resnet3d, unet3d, p3d or mp3d with any of their options.
// Throws DataError naming an unknown option, ConfigError naming an unknown
// network or a value out of range.
GoldenNetwork build_golden_network(const GoldenFile& golden);

}  // namespace voxlift::launcher
