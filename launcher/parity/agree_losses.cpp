#include <torch/torch.h>

#include "launcher/parity/agree_check.h"
#include "trainer/loss/voxel_losses.h"
#include "trainer/task/segmentation.h"

namespace voxlift::launcher {
namespace {

std::vector<double> list_of(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.detach().contiguous().view({-1});
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

trainer::SegmentationConfig config_of(const sharding::H5Group& input) {
  const auto number = [&](const char* name) {
    return input.read_attribute<double>(name);
  };
  const auto flag = [&](const char* name) {
    return input.read_attribute<int64_t>(name) != 0;
  };
  trainer::SegmentationConfig config;
  config.ce_weight = number("ce_weight");
  config.dice_weight = number("dice_weight");
  config.focal_weight = number("focal_weight");
  config.focal_gamma = number("gamma");
  config.label_smoothing = number("smoothing");
  config.dice = {.background = flag("background"),
                 .squared = flag("squared"),
                 .smooth = number("smooth")};
  config.validate("");
  return config;
}

}  // namespace

Json agree_voxel_losses(const sharding::H5Group& input) {
  const auto config = config_of(input);
  const auto dataset = input.dataset("logits");
  const torch::Tensor logits =
      torch::tensor(dataset.read<double>(), torch::kFloat64)
          .view(dataset.shape())
          .requires_grad_();
  const auto labels = input.dataset("label");
  const torch::Tensor label =
      torch::tensor(labels.read<int64_t>(), torch::kInt64).view(labels.shape());
  Json answer;
  const auto add = [&](const std::string& name, const torch::Tensor& loss_N) {
    const torch::Tensor gradient =
        torch::autograd::grad({loss_N.sum()}, {logits})[0];
    answer[name] = list_of(loss_N);
    answer[name + "_gradient"] =
        list_of(gradient.index({loss_N.detach().isnan().logical_not()}));
  };
  add("cross_entropy",
      trainer::voxel_cross_entropy(logits, label, config.label_smoothing));
  add("dice", trainer::dice_loss(logits, label, config.dice));
  add("focal", trainer::focal_loss(logits, label, config.focal_gamma));
  add("sum", trainer::segmentation_loss(logits, label, config));
  return answer;
}

}  // namespace voxlift::launcher
