#include <torch/torch.h>

#include "base/error.h"
#include "launcher/parity/agree_check.h"
#include "trainer/detection/box_losses.h"
#include "trainer/detection/boxes.h"
#include "trainer/detection/image_row.h"
#include "trainer/detection/nms.h"
#include "trainer/detection/roi_align.h"

namespace voxlift::launcher {
namespace {

torch::Tensor tensor_of(const sharding::H5Group& input,
                        const std::string& name) {
  const auto dataset = input.dataset(name);
  return torch::tensor(dataset.read<double>(), torch::kFloat64)
      .view(dataset.shape());
}

std::vector<double> list_of(const torch::Tensor& tensor) {
  const torch::Tensor flat =
      tensor.detach().to(torch::kFloat64).contiguous().view({-1});
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

// Rows of `width` numbers.
std::vector<std::vector<double>> rows_of(const sharding::H5Group& input,
                                         const std::string& name,
                                         size_t width) {
  const auto values = input.dataset(name).read<double>();
  std::vector<std::vector<double>> rows;
  for (size_t begin = 0; begin + width <= values.size(); begin += width) {
    rows.emplace_back(
        values.begin() + static_cast<std::ptrdiff_t>(begin),
        values.begin() + static_cast<std::ptrdiff_t>(begin + width));
  }
  return rows;
}

trainer::PixelBox box_at(const std::vector<double>& row) {
  return {row[1], row[2], row[3], row[4]};
}

}  // namespace

Json agree_boxes(const sharding::H5Group& input) {
  const torch::Tensor boxes = tensor_of(input, "boxes");
  const torch::Tensor others = tensor_of(input, "others");
  return {{"iou", list_of(trainer::pairwise_iou(boxes, others))},
          {"iobb", list_of(trainer::pairwise_iobb(boxes, others))}};
}

Json agree_nms(const sharding::H5Group& input) {
  const torch::Tensor kept = trainer::nms_in_groups(
      tensor_of(input, "boxes"), tensor_of(input, "scores"),
      tensor_of(input, "groups").to(torch::kInt64),
      input.read_attribute<double>("max_iou"));
  return {{"kept", list_of(kept)}};
}

Json agree_roi_align(const sharding::H5Group& input) {
  const torch::Tensor features =
      tensor_of(input, "features").to(torch::kFloat32).requires_grad_();
  const torch::Tensor out =
      trainer::roi_align(features, tensor_of(input, "rois").to(torch::kFloat32),
                         {.size = input.read_attribute<int64_t>("size"),
                          .scale = input.read_attribute<double>("scale"),
                          .samples = input.read_attribute<int64_t>("samples")});
  (out * tensor_of(input, "weight").to(torch::kFloat32)).sum().backward();
  return {{"out", list_of(out)}, {"gradient", list_of(features.grad())}};
}

Json agree_box_losses(const sharding::H5Group& input) {
  const torch::Tensor logits = tensor_of(input, "logits").requires_grad_();
  const torch::Tensor targets = tensor_of(input, "targets");
  Json answer;
  const auto add = [&](const std::string& name, const torch::Tensor& loss) {
    answer[name] = loss.item<double>();
    answer[name + "_gradient"] =
        list_of(torch::autograd::grad({loss}, {logits})[0]);
  };
  add("smooth_l1", trainer::smooth_l1_sum(
                       logits, targets, input.read_attribute<double>("beta")));
  add("bce", trainer::binary_cross_entropy_sum(logits, targets));
  add("focal", trainer::focal_loss_sum(logits, targets,
                                       input.read_attribute<double>("alpha"),
                                       input.read_attribute<double>("gamma")));
  return answer;
}

Json agree_detections(const sharding::H5Group& input) {
  std::vector<trainer::ImageBoxes> images(
      static_cast<size_t>(input.read_attribute<int64_t>("images")));
  for (const auto& row : rows_of(input, "truth", 6)) {
    images.at(static_cast<size_t>(row[0]))
        .truth.push_back({box_at(row), static_cast<int64_t>(row[5])});
  }
  for (const auto& row : rows_of(input, "found", 7)) {
    images.at(static_cast<size_t>(row[0]))
        .found.push_back({{box_at(row), row[5]}, static_cast<int64_t>(row[6])});
  }
  std::vector<std::string> classes;
  for (int64_t k = 0; k < input.read_attribute<int64_t>("classes"); ++k) {
    classes.push_back(std::to_string(k));
  }
  const bool iobb = input.read_string_attribute("overlap") == "iobb";
  return trainer::score_images(
      images, classes,
      {.overlap = iobb ? trainer::BoxOverlap::kIobb : trainer::BoxOverlap::kIou,
       .min_overlap = input.read_attribute<double>("min_overlap"),
       .max_per_image = input.read_attribute<int64_t>("max_per_image")});
}

}  // namespace voxlift::launcher
