#include "trainer/input/made_up_batch.h"

#include <algorithm>
#include <numeric>

namespace voxlift::trainer {
namespace {

constexpr int64_t kMaskValues = 255;  // 255 itself means "ignored".

dataio::LabelledBox middle_box(const dataio::Shape3& shape) {
  const auto side = [&](size_t axis, double share) {
    return share * static_cast<double>(shape[axis]);
  };
  return {{0.0, side(1, 0.25), side(2, 0.25)},
          {1.0, side(1, 0.5), side(2, 0.5)},
          0};
}

}  // namespace

Batch make_up_batch(const MadeUpBatch& wanted, const torch::Device& device) {
  const int64_t n = wanted.samples;
  const auto& [depth, height, width] = wanted.shape;
  Batch batch;
  batch.x_NCDHW =
      torch::randn({n, wanted.channels, depth, height, width}).to(device);
  batch.label_N = torch::randint(wanted.classes, {n}, torch::kLong).to(device);
  batch.mask_NDHW = torch::randint(std::min(wanted.classes, kMaskValues),
                                   {n, depth, height, width}, torch::kUInt8)
                        .to(device);
  const auto count = static_cast<size_t>(n);
  batch.boxes.assign(count, {middle_box(wanted.shape)});
  batch.contents.assign(count, wanted.shape);
  batch.ids.resize(count);
  std::iota(batch.ids.begin(), batch.ids.end(), int64_t{0});
  return batch;
}

}  // namespace voxlift::trainer
