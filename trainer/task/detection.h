#pragma once
// Detection: boxes of the key slice.

#include <string>
#include <vector>

#include "trainer/detection/detector.h"
#include "trainer/task/task.h"

namespace voxlift::trainer {

// Losses and boxes of MP3D-FPN; FROC and average precision.
//
// Samples are slices (dataio/transform/slices_transform.h). Their content may
// be smaller than the canvas: a batch is cut to the largest content in it,
// rounded up to a multiple of 32, as the published padding.
class DetectionTask : public Task {
 public:
  // `classes`: names of the boxes' classes, the network's first ones.
  DetectionTask(Detector model, const DetectorConfig& config,
                std::vector<std::string> classes);

  torch::nn::Module& model() override { return *model_; }

  // "loss", then its four parts: "rpn_scores", "rpn_boxes", "roi_scores",
  // "roi_boxes". Each is the mean of the slot times the number of its samples.
  std::vector<std::string> sum_names() const override;
  torch::Tensor loss(const Batch& batch, std::span<double> sums) override;

  // Rows as trainer/detection/image_row.h says.
  void evaluate(const Batch& batch, CaseRows* rows) override;

  // What is found in each sample, in pixels of it.
  std::vector<Detections> detect(const Batch& batch);

  // As score_images() says.
  Json summarize(const CaseRows& rows) const override;

 private:
  Detector model_;
  DetectorConfig config_;
  std::vector<std::string> classes_;
};

}  // namespace voxlift::trainer
