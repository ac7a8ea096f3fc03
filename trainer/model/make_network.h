#pragma once
// Networks by name.

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "trainer/model/model_config.h"

namespace voxlift::trainer {

// A network with one output.
struct Network {
  std::shared_ptr<torch::nn::Module> module;
  // Logits of x (N, C, D, H, W): (N, classes) of a classifier, (N, classes, D,
  // H, W) of a network for segmentation.
  std::function<torch::Tensor(const torch::Tensor& x_NCDHW)> forward;
  // Of classifiers: the volume (N, C, d, h, w) whose mean over d, h, w their
  // linear head, head.fc, takes. Else empty.
  std::function<torch::Tensor(const torch::Tensor& x_NCDHW)> features;
};

// Whether the outputs of `config.network` are one score per class and voxel.
bool is_for_segmentation(const ModelConfig& config);

// "resnet3d" with a head, "unet3d", "genesis_unet3d" or "genesis_encoder" with
// a head, with weights drawn from `seed`. Throws ConfigError for another name
// or values out of range.
Network make_network(const ModelConfig& config, uint64_t seed);

}  // namespace voxlift::trainer
