#include "trainer/infer/axis_taps.h"

#include <array>
#include <span>

namespace voxlift::trainer {

AxisTaps::AxisTaps(const std::vector<AxisTap>& taps) {
  const auto length = static_cast<int64_t>(taps.size());
  low_ = torch::empty({length}, torch::kInt64);
  high_ = torch::empty({length}, torch::kInt64);
  weight_ = torch::empty({length});
  outside_ = torch::empty({length}, torch::kBool);
  auto* low = low_.data_ptr<int64_t>();
  auto* high = high_.data_ptr<int64_t>();
  auto* weight = weight_.data_ptr<float>();
  auto* outside = outside_.data_ptr<bool>();
  for (size_t i = 0; i < taps.size(); ++i) {
    low[i] = taps[i].low;
    high[i] = taps[i].low + (taps[i].weight > 0.0F ? 1 : 0);
    weight[i] = taps[i].weight;
    outside[i] = !taps[i].inside;
  }
}

bool AxisTaps::keeps(int64_t length) const {
  return low_.size(0) == length &&
         torch::equal(low_, torch::arange(length, torch::kInt64)) &&
         torch::equal(low_, high_) && !outside_.any().item<bool>();
}

torch::Tensor AxisTaps::apply(const torch::Tensor& x, int64_t dim) const {
  if (keeps(x.size(dim))) {
    return x;
  }
  const torch::Tensor low = x.index_select(dim, low_);
  if (torch::equal(low_, high_)) {
    return low;
  }
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape[static_cast<size_t>(dim)] = weight_.size(0);
  return low.lerp(x.index_select(dim, high_), weight_.view(shape));
}

std::vector<float> resample_volume(const torch::Tensor& x_DHW,
                                   const GridMap& map) {
  torch::Tensor turned = x_DHW;
  std::array<AxisTaps, 3> taps;
  for (size_t i = 0; i < 3; ++i) {
    taps[i] = AxisTaps(map.taps[i]);
    turned = taps[i].apply(turned, static_cast<int64_t>(i));
  }
  // A copy even where nothing was to be done: what is outside is written.
  turned = turned.clone(torch::MemoryFormat::Contiguous);
  turned.masked_fill_(taps[0].outside().view({-1, 1, 1}), 0.0)
      .masked_fill_(taps[1].outside().view({-1, 1}), 0.0)
      .masked_fill_(taps[2].outside(), 0.0);
  std::vector<float> values(static_cast<size_t>(turned.numel()));
  inverse_of(map.to_source)
      .apply(std::span<const float>(turned.data_ptr<float>(), values.size()),
             map.turned_shape(), values);
  return values;
}

}  // namespace voxlift::trainer
