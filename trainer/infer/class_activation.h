#pragma once
// Class activation maps: where a classifier's score of a class comes from.
//
// Source: Zhou et al., "Learning deep features for discriminative
// localization", CVPR 2016, DOI 10.1109/CVPR.2016.319. Ours are in three
// dimensions, keep their sign and are not scaled.

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <string>

#include "trainer/infer/grid_map.h"
#include "trainer/model/make_network.h"

namespace voxlift::trainer {

// A network that ends in a global average pool and a linear layer.
struct PooledClassifier {
  // The volume (N, C, d, h, w) that is averaged, of x on any device.
  std::function<torch::Tensor(const torch::Tensor& x_NCDHW)> features;
  torch::Tensor weight_KC;  // Of the linear layer.
  torch::Tensor bias_K;

  // What the whole network gives, the same bits.
  torch::Tensor logits(const torch::Tensor& features_NCDHW) const;

  // (N, d, h, w): the features weighted by what they count for class `k`. Its
  // mean over d, h, w plus the bias is the class's logit.
  torch::Tensor activation(const torch::Tensor& features_NCDHW,
                           int64_t k) const;
};

// The parts of `network`, built from options that call it `name`; shares its
// memory. Throws ConfigError if it does not end in this way.
PooledClassifier pooled_classifier(const Network& network,
                                   const std::string& name);

// A map (d, h, w), float32 on the CPU, that covers the extent of `seen`, on the
// grid `target`: trilinear between the centres of the map's voxels, as it is
// beyond the outermost, 0 outside of `seen`. Throws DataError naming `origin`
// if the grids' axes are not parallel.
std::vector<float> activation_on_grid(const torch::Tensor& map_DHW,
                                      const ScanGrid& seen,
                                      const ScanGrid& target,
                                      const std::string& origin);

}  // namespace voxlift::trainer
