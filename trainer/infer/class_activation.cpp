#include "trainer/infer/class_activation.h"

#include "base/error.h"
#include "base/strings.h"
#include "trainer/infer/axis_taps.h"

namespace voxlift::trainer {

torch::Tensor PooledClassifier::logits(
    const torch::Tensor& features_NCDHW) const {
  return torch::linear(features_NCDHW.mean({2, 3, 4}), weight_KC, bias_K);
}

torch::Tensor PooledClassifier::activation(const torch::Tensor& features_NCDHW,
                                           int64_t k) const {
  return torch::einsum("ncdhw,c->ndhw", {features_NCDHW, weight_KC[k]});
}

PooledClassifier pooled_classifier(const Network& network,
                                   const std::string& name) {
  const auto parameters = network.module->named_parameters();
  const auto* weight = parameters.find("head.fc.weight");
  const auto* bias = parameters.find("head.fc.bias");
  if (!network.features || weight == nullptr || bias == nullptr) {
    throw ConfigError(str_cat("'", name, "' has no class activation maps: it ",
                              "does not end in a global average pool and a ",
                              "linear layer"));
  }
  return {network.features, *weight, *bias};
}

std::vector<float> activation_on_grid(const torch::Tensor& map_DHW,
                                      const ScanGrid& seen,
                                      const ScanGrid& target,
                                      const std::string& origin) {
  const ScanGrid coarse =
      divided(seen, {map_DHW.size(0), map_DHW.size(1), map_DHW.size(2)});
  return resample_volume(map_DHW, map_grid(target, coarse, origin));
}

}  // namespace voxlift::trainer
