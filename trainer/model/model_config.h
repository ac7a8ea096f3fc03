#pragma once
// Which network, and how it is built.

#include <cstdint>
#include <string>

#include "trainer/model/genesis_unet3d.h"
#include "trainer/model/p3d.h"
#include "trainer/model/resnet3d.h"
#include "trainer/model/unet3d.h"

namespace voxlift::trainer {

// One struct for all networks: each reads the members that it has.
struct ModelConfig {
  // For classification "resnet3d", for segmentation "unet3d", for detection
  // "p3d" or "mp3d". "genesis_unet3d" segments, "genesis_encoder" classifies.
  std::string network = "resnet3d";
  int64_t classes = 0;   // 0: as many as the data set has.
  double dropout = 0.0;  // Before the last layer.
  // Of all networks: depth, norm, in_channels, base_channels. "unet3d" has its
  // own strides in the first layers.
  ResNet3DOptions resnet = {};
  int64_t head_channels = 16;  // "unet3d": before the last layer.
  // "mp3d": trainer/model/p3d.h.
  std::string conversion = "groupconv";
  int64_t slices = 9;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// What `config` says of one network.
UNet3DOptions unet3d_options(const ModelConfig& config);
P3dOptions p3d_options(const ModelConfig& config);
GenesisOptions genesis_options(const ModelConfig& config);

}  // namespace voxlift::trainer
