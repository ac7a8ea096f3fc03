#include "trainer/model/model_config.h"

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {

void ModelConfig::validate(const std::string& path) const {
  const bool is_p3d = network == "p3d" || network == "mp3d";
  const bool is_genesis =
      network == "genesis_unet3d" || network == "genesis_encoder";
  if (network != "resnet3d" && network != "unet3d" && network != "lidc_seg" &&
      !is_p3d && !is_genesis) {
    throw ConfigError(
        str_cat(path, "network = '", network,
                "': must be 'resnet3d', 'unet3d', 'lidc_seg', 'p3d', 'mp3d', "
                "'genesis_unet3d' or 'genesis_encoder'"));
  }
  if (is_genesis &&
      (resnet.base_channels < 2 || resnet.base_channels % 2 != 0)) {
    throw ConfigError(str_cat(path, "base_channels = ", resnet.base_channels,
                              ": must be even with ", network));
  }
  // Detectors have a background beside the classes.
  const int64_t least = is_p3d ? 1 : 2;
  if (classes != 0 && classes < least) {
    throw ConfigError(str_cat(path, "classes = ", classes,
                              ": must be at least ", least,
                              ", or 0 for as many as the data set has"));
  }
  if (!(dropout >= 0.0 && dropout < 1.0)) {
    throw ConfigError(
        str_cat(path, "dropout = ", dropout, ": must be in [0, 1)"));
  }
  if (head_channels < 0) {
    throw ConfigError(str_cat(path, "head_channels = ", head_channels,
                              ": must be at least 1, or 0 as published"));
  }
  if (is_p3d) {
    p3d_options(*this).validate(path);
  } else {
    resnet.validate(path);
  }
}

UNet3DOptions unet3d_options(const ModelConfig& config) {
  UNet3DOptions options;
  const ResNet3DOptions form = options.backbone;
  options.classes = config.classes;
  if (config.head_channels > 0) {
    options.head_channels = config.head_channels;
  }
  options.dropout = config.dropout;
  options.backbone = config.resnet;
  options.backbone.depth_stride = form.depth_stride;
  options.backbone.stem_stride = form.stem_stride;
  options.backbone.stem_pool = form.stem_pool;
  return options;
}

LidcSegOptions lidc_seg_options(const ModelConfig& config) {
  LidcSegOptions options;
  const ResNet3DOptions form = options.backbone;
  options.classes = config.classes;
  if (config.head_channels > 0) {
    options.head_channels = config.head_channels;
  }
  options.backbone = config.resnet;
  options.backbone.depth_stride = form.depth_stride;
  options.backbone.stem_stride = form.stem_stride;
  options.backbone.stem_pool = form.stem_pool;
  options.backbone.strides = form.strides;
  return options;
}

// The published names count the channels of a level's second layer.
GenesisOptions genesis_options(const ModelConfig& config) {
  return {.in_channels = config.resnet.in_channels,
          .classes = config.classes,
          .base_channels = config.resnet.base_channels / 2,
          .dropout = config.dropout};
}

P3dOptions p3d_options(const ModelConfig& config) {
  return {.depth = config.resnet.depth,
          .modified = config.network == "mp3d",
          .conversion = config.conversion,
          .slices = config.slices,
          .in_channels = config.resnet.in_channels,
          .base_channels = config.resnet.base_channels,
          .norm = config.resnet.norm};
}

}  // namespace voxlift::trainer
