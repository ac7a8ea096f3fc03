#include "trainer/model/make_network.h"

#include "base/error.h"
#include "base/strings.h"
#include "trainer/model/classifier.h"

namespace voxlift::trainer {
namespace {

template <typename Holder>
Network network_of(Holder model, uint64_t seed) {
  initialize(*model, seed);
  return {model.ptr(),
          [model](const torch::Tensor& x_NCDHW) mutable {
            return model->forward(x_NCDHW);
          },
          {}};
}

template <typename Holder>
Network classifier_of(Holder model, uint64_t seed) {
  Network network = network_of(model, seed);
  network.features = [model](const torch::Tensor& x_NCDHW) mutable {
    return model->features(x_NCDHW);
  };
  return network;
}

}  // namespace

bool is_for_segmentation(const ModelConfig& config) {
  return config.network == "unet3d" || config.network == "lidc_seg" ||
         config.network == "genesis_unet3d";
}

Network make_network(const ModelConfig& config, uint64_t seed) {
  config.validate("model.");
  VOXLIFT_CHECK(config.classes > 0, "the number of classes is not resolved");
  if (config.network == "resnet3d") {
    return classifier_of(Classifier(config), seed);
  }
  if (config.network == "unet3d") {
    return network_of(UNet3D(unet3d_options(config)), seed);
  }
  if (config.network == "lidc_seg") {
    return network_of(LidcSeg(lidc_seg_options(config)), seed);
  }
  if (config.network == "genesis_unet3d") {
    return network_of(GenesisUNet3D(genesis_options(config)), seed);
  }
  if (config.network == "genesis_encoder") {
    return classifier_of(GenesisClassifier(genesis_options(config)), seed);
  }
  throw ConfigError(str_cat("model.network = '", config.network,
                            "' has more than one output: it needs task.kind = "
                            "detection"));
}

}  // namespace voxlift::trainer
