#pragma once
// Which network, and how it is built.

#include <cstdint>
#include <string>

#include "trainer/model/genesis_unet3d.h"
#include "trainer/model/lidc_seg.h"
#include "trainer/model/p3d.h"
#include "trainer/model/resnet3d.h"
#include "trainer/model/unet3d.h"

namespace voxlift::trainer {

// One struct for all networks: each reads the members that it has.
struct ModelConfig {
  // Classifies: "resnet3d", "genesis_encoder". Segments: "unet3d", "lidc_seg",
  // "genesis_unet3d". Detects: "p3d", "mp3d".
  std::string network = "resnet3d";
  int64_t classes = 0;   // 0: as many as the data set has.
  double dropout = 0.0;  // Before the last layer.
  // Of all networks: depth, norm, in_channels, base_channels. Those that
  // segment have strides of their own.
  ResNet3DOptions resnet = {};
  // Before the last layer; 0: as published, "unet3d" 16, "lidc_seg" 512.
  int64_t head_channels = 0;
  // "mp3d": trainer/model/p3d.h.
  std::string conversion = "groupconv";
  int64_t slices = 9;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// What `config` says of one network.
UNet3DOptions unet3d_options(const ModelConfig& config);
LidcSegOptions lidc_seg_options(const ModelConfig& config);
P3dOptions p3d_options(const ModelConfig& config);
GenesisOptions genesis_options(const ModelConfig& config);

}  // namespace voxlift::trainer
