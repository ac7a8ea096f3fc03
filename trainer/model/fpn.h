#pragma once
// Feature pyramid over 2D maps.
//
// Source: Lin et al., CVPR 2017, DOI 10.1109/CVPR.2017.106. Parameter names are
// those of the published files.

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "trainer/model/conv.h"

namespace voxlift::trainer {

// Lateral 1x1 convolutions to `channels`, sums from the top down (nearest
// neighbour), 3x3 convolutions; one more level halves the last.
class FpnImpl : public torch::nn::Module {
 public:
  explicit FpnImpl(const std::vector<int64_t>& in_channels,
                   int64_t channels = 256);

  // `maps_NCHW`: fine to coarse, as many as in_channels. One more comes back,
  // each (N, channels, H, W) of its map.
  std::vector<torch::Tensor> forward(
      const std::vector<torch::Tensor>& maps_NCHW);

 private:
  std::vector<PlaneConv> laterals_;
  std::vector<PlaneConv> outputs_;
};

TORCH_MODULE(Fpn);

// Weights uniform in +-sqrt(6 / (fan in + fan out)), biases zero.
void initialize(FpnImpl& model, uint64_t seed);

}  // namespace voxlift::trainer
