#include "trainer/task/detection.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/detection/image_row.h"

namespace voxlift::trainer {
namespace {

constexpr int64_t kCanvasStep = 32;

std::vector<ImageSize> sizes_of(const Batch& batch) {
  std::vector<ImageSize> sizes;
  for (const dataio::Shape3& content : batch.contents) {
    sizes.push_back({content[1], content[2]});
  }
  return sizes;
}

int64_t round_up(int64_t length, int64_t most) {
  const int64_t steps = (length + kCanvasStep - 1) / kCanvasStep;
  return std::min(steps * kCanvasStep, most);
}

// x without the padding that no sample needs.
torch::Tensor trimmed(const Batch& batch, std::span<const ImageSize> sizes) {
  const torch::Tensor& x = batch.x_NCDHW;
  ImageSize largest;
  for (const ImageSize& size : sizes) {
    largest.height = std::max(largest.height, size.height);
    largest.width = std::max(largest.width, size.width);
  }
  return x.narrow(3, 0, round_up(largest.height, x.size(3)))
      .narrow(4, 0, round_up(largest.width, x.size(4)));
}

// Edges in the order of PixelBox.
std::array<float, 4> edges_of(const dataio::LabelledBox& box) {
  return {static_cast<float>(box.low[2]), static_cast<float>(box.low[1]),
          static_cast<float>(box.high[2]), static_cast<float>(box.high[1])};
}

TrueBoxes truth_of(const std::vector<dataio::LabelledBox>& boxes,
                   int64_t classes, const torch::Device& device) {
  std::vector<float> edges;
  std::vector<int64_t> labels;
  for (const dataio::LabelledBox& box : boxes) {
    VOXLIFT_CHECK(box.label >= 0 && box.label < classes,
                  str_cat("a box of class ", box.label, " of ", classes));
    const auto four = edges_of(box);
    edges.insert(edges.end(), four.begin(), four.end());
    labels.push_back(box.label);
  }
  return {torch::tensor(edges).view({-1, 4}).to(device),
          torch::tensor(labels, torch::kInt64).to(device)};
}

// `found` as metrics take it.
std::vector<FoundBox> found_boxes(const Detections& found) {
  const torch::Tensor boxes = found.boxes_N4.to(torch::kFloat64).contiguous();
  const torch::Tensor scores = found.scores_N.to(torch::kFloat64).contiguous();
  std::vector<FoundBox> list;
  for (int64_t i = 0; i < boxes.size(0); ++i) {
    const double* at = boxes.data_ptr<double>() + 4 * i;
    list.push_back(
        {{{at[0], at[1], at[2], at[3]}, scores.data_ptr<double>()[i]},
         found.labels_N[i].item<int64_t>()});
  }
  return list;
}

std::vector<TrueBox> true_boxes(const std::vector<dataio::LabelledBox>& boxes) {
  std::vector<TrueBox> list;
  for (const dataio::LabelledBox& box : boxes) {
    list.push_back(
        {{box.low[2], box.low[1], box.high[2], box.high[1]}, box.label});
  }
  return list;
}

}  // namespace

DetectionTask::DetectionTask(Detector model, const DetectorConfig& config,
                             std::vector<std::string> classes)
    : model_(std::move(model)), config_(config), classes_(std::move(classes)) {}

std::vector<std::string> DetectionTask::sum_names() const {
  return {"loss", "rpn_scores", "rpn_boxes", "roi_scores", "roi_boxes"};
}

torch::Tensor DetectionTask::loss(const Batch& batch, std::span<double> sums) {
  const std::vector<ImageSize> sizes = sizes_of(batch);
  std::vector<TrueBoxes> truth;
  for (const auto& boxes : batch.boxes) {
    truth.push_back(truth_of(boxes, model_->classes(), batch.x_NCDHW.device()));
  }
  const DetectorLosses losses =
      model_->losses(trimmed(batch, sizes), truth, sizes);
  const std::array parts = {losses.proposals.scores, losses.proposals.boxes,
                            losses.detections.scores, losses.detections.boxes};
  const auto samples = static_cast<double>(batch.size());
  const torch::Tensor loss =
      samples * (parts[0] + parts[1] + parts[2] + parts[3]);
  sums[0] += loss.item<double>();
  for (size_t i = 0; i < parts.size(); ++i) {
    sums[i + 1] += samples * parts[i].item<double>();
  }
  return loss;
}

std::vector<Detections> DetectionTask::detect(const Batch& batch) {
  const std::vector<ImageSize> sizes = sizes_of(batch);
  return model_->detect(trimmed(batch, sizes), sizes);
}

void DetectionTask::evaluate(const Batch& batch, CaseRows* rows) {
  const std::vector<Detections> found = detect(batch);
  for (size_t i = 0; i < found.size(); ++i) {
    rows->push_back(
        row_of({true_boxes(batch.boxes[i]), found_boxes(found[i])}));
  }
}

Json DetectionTask::summarize(const CaseRows& rows) const {
  std::vector<ImageBoxes> images;
  images.reserve(rows.size());
  for (const CaseRow& row : rows) {
    images.push_back(image_of(row));
  }
  return score_images(
      images, classes_,
      {.overlap = config_.froc_overlap == "iobb" ? BoxOverlap::kIobb
                                                 : BoxOverlap::kIou,
       .min_overlap = config_.froc_min_overlap,
       .max_per_image = config_.roi.max_per_image});
}

}  // namespace voxlift::trainer
