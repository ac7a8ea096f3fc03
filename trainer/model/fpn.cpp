#include "trainer/model/fpn.h"

#include <cmath>

#include "base/error.h"
#include "trainer/model/init.h"

namespace voxlift::trainer {
namespace {

// Registers `conv` as NAME.conv of a new element of `list`.
PlaneConv add_conv(torch::nn::ModuleList& list, const ConvOptions& options) {
  auto holder = std::make_shared<torch::nn::Module>();
  auto conv = holder->register_module("conv", PlaneConv(options));
  list->push_back(holder);
  return conv;
}

}  // namespace

FpnImpl::FpnImpl(const std::vector<int64_t>& in_channels, int64_t channels) {
  torch::nn::ModuleList laterals;
  torch::nn::ModuleList outputs;
  for (const int64_t in : in_channels) {
    laterals_.push_back(add_conv(laterals, plane_conv(in, channels, 1)));
    outputs_.push_back(add_conv(outputs, plane_conv(channels, channels, 3)));
  }
  register_module("lateral_convs", laterals);
  register_module("fpn_convs", outputs);
}

std::vector<torch::Tensor> FpnImpl::forward(
    const std::vector<torch::Tensor>& maps_NCHW) {
  VOXLIFT_CHECK(maps_NCHW.size() == laterals_.size(), "maps of the pyramid");
  std::vector<torch::Tensor> levels(maps_NCHW.size());
  torch::Tensor above;
  for (size_t i = levels.size(); i > 0; --i) {
    torch::Tensor y = laterals_[i - 1]->forward(maps_NCHW[i - 1]);
    if (above.defined()) {
      y = y + torch::upsample_nearest2d(above, y.sizes().slice(2));
    }
    above = y;
    levels[i - 1] = outputs_[i - 1]->forward(y);
  }
  levels.push_back(torch::max_pool2d(levels.back(), {1, 1}, {2, 2}));
  return levels;
}

void initialize(FpnImpl& model, uint64_t seed) {
  fill_vectors(model);
  for (auto& item : model.named_parameters()) {
    const torch::Tensor& weight = item.value();
    if (weight.dim() > 1) {
      fill_uniform(weight, item.key(), seed,
                   std::sqrt(6.0 / (fan_in(weight) + fan_out(weight))));
    }
  }
}

}  // namespace voxlift::trainer
