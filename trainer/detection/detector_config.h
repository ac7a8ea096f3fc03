#pragma once
// What a detector can be told beside its backbone. Defaults are the published
// DeepLesion recipe (docs/detection.md). Keys of the section [detector].

#include <array>
#include <cstdint>
#include <string>

#include "trainer/detection/anchors.h"
#include "trainer/detection/assigner.h"

namespace voxlift::trainer {

// Proposals of a picture.
struct ProposalOptions {
  int64_t per_level = 2000;  // Best ones of each level that go into the NMS.
  double max_iou = 0.7;      // Of the NMS, level by level.
  int64_t per_image = 1000;  // Best ones of all levels that stay.
};

// Region proposals: is there anything, and where.
struct RpnConfig {
  AnchorOptions anchors = {};
  AssignOptions assign = {
      .positive_iou = 0.7, .negative_iou = 0.3, .low_quality_iou = 0.3};
  SampleOptions sample = {.count = 256, .positive_frac = 0.5};
  std::string score_loss = "bce";  // Or "focal", over all anchors.
  double focal_alpha = 0.25;
  double focal_gamma = 2.0;
  double smooth_l1_beta = 1.0 / 9.0;
  std::array<double, 4> deviations = {1.0, 1.0, 1.0, 1.0};
  ProposalOptions train = {};
  ProposalOptions eval = {.per_level = 1000};
};

// Second stage: which class, and where exactly.
struct RoiConfig {
  int64_t fc_channels = 1024;
  int64_t align_size = 7;
  int64_t align_samples = 0;  // RoiAlignOptions::samples.
  double finest_side = 56.0;  // Boxes of twice this go to the second level.
  AssignOptions assign = {.positive_iou = 0.5, .negative_iou = 0.5};
  SampleOptions sample = {.count = 512, .positive_frac = 0.25};
  double smooth_l1_beta = 1.0;
  std::array<double, 4> deviations = {0.1, 0.1, 0.2, 0.2};
  // What is told of a picture.
  double min_score = 0.0;
  double max_iou = 0.5;  // Of the NMS, class by class.
  int64_t max_per_image = 100;
};

struct DetectorConfig {
  int64_t channels = 256;  // Of the feature pyramid and the proposals' head.
  RpnConfig rpn = {};
  RoiConfig roi = {};
  // How a detection is told from a false positive in the FROC: "iou" or "iobb"
  // (intersection over the detected box), at least so much.
  std::string froc_overlap = "iou";
  double froc_min_overlap = 0.5;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

}  // namespace voxlift::trainer
