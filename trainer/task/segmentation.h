#pragma once
// Segmentation: one label per voxel.

#include <cstdint>
#include <string>
#include <vector>

#include "dataio/transform/volume_transform.h"
#include "trainer/infer/sliding_window.h"
#include "trainer/loss/voxel_losses.h"
#include "trainer/metrics/grid.h"
#include "trainer/model/make_network.h"
#include "trainer/task/task.h"

namespace voxlift::trainer {

struct SegmentationConfig {
  // loss = ce_weight * cross entropy + dice_weight * Dice loss + focal_weight *
  // focal loss (trainer/loss/voxel_losses.h). Known as: DiceCE 1, 1, 0; Combo
  // 1, 0.5, 0.
  double ce_weight = 1.0;
  double dice_weight = 1.0;
  double focal_weight = 0.0;
  double focal_gamma = 2.0;
  double label_smoothing = 0.0;  // Of the cross entropy.
  DiceOptions dice = {};
  // Scores that need distances between surfaces: HD95 and surface Dice. They
  // cost two distance transforms of the scan per class.
  bool surface_scores = true;
  double surface_tolerance_mm = 1.0;
  // A predicted component has found a lesion from this overlap on.
  double lesion_min_iou = 0.1;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// The losses of trainer/loss/voxel_losses.h, weighted and added: (N).
torch::Tensor segmentation_loss(const torch::Tensor& logits_NKDHW,
                                const torch::Tensor& label_NDHW,
                                const SegmentationConfig& config);

// How whole scans are put through the network.
struct ScanView {
  std::vector<std::string> classes;           // The first is the background.
  dataio::VolumeTransformConfig intensities;  // Only what normalises.
  SlidingWindowConfig window;
  torch::Device device = torch::kCPU;
};

// Weighted losses of crops; Dice, IoU, HD95, surface Dice and lesions of whole
// scans through a sliding window.
class Segmentation : public Task {
 public:
  Segmentation(Network network, const SegmentationConfig& config,
               ScanView view);

  torch::nn::Module& model() override { return *network_.module; }

  // "loss", "dice": the mean over the foreground classes of the hard answer's
  // Dice within the crop.
  std::vector<std::string> sum_names() const override;
  // Throws DataError naming the sample and the label if a mask has a label that
  // is no class.
  torch::Tensor loss(const Batch& batch, std::span<double> sums) override;

  ScoredOn scored_on() const override { return ScoredOn::kScans; }

  // Per foreground class: voxels of both, predicted, reference; HD95 (NaN:
  // undefined), surface Dice, lesions, found, false alarms.
  CaseRow evaluate_scan(const dataio::VolumeSource& scan) override;
  // Means over the foreground classes of what "classes" tells of each by name:
  // "dice" and "iou" of the voxels of all scans together, "dice_per_case",
  // "hd95_mm" (mean over the scans where it is defined; "hd95_undefined" counts
  // the others), "surface_dice", "lesions", "lesion_sensitivity" and
  // "false_alarms_per_scan". null: nothing to take a mean of.
  Json summarize(const CaseRows& rows) const override;

  // The labels of a scan, in its grid (D, H, W). The network is in evaluation
  // mode and gradients are off.
  std::vector<uint8_t> predict(const dataio::VolumeSource& scan);

 private:
  void check_labels(const Batch& batch) const;
  void score_class(std::span<const uint8_t> predicted,
                   std::span<const uint8_t> reference, const Grid& grid,
                   CaseRow* row) const;

  Network network_;
  SegmentationConfig config_;
  ScanView view_;
};

}  // namespace voxlift::trainer
