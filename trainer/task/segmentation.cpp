#include "trainer/task/segmentation.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/transform/normaliser.h"
#include "trainer/comm/self_comm.h"
#include "trainer/metrics/grid.h"
#include "trainer/metrics/mask_scores.h"

namespace voxlift::trainer {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// What a row holds of one class.
enum ClassColumn : size_t {
  kBoth,
  kPredicted,
  kReference,
  kHd95,
  kSurfaceDice,
  kLesions,
  kFound,
  kFalseAlarms,
  kNumColumns
};

void require(bool ok, const std::string& key, double value, const char* legal) {
  if (!ok) {
    throw ConfigError(str_cat(key, " = ", value, ": must be ", legal));
  }
}

std::vector<uint8_t> where(std::span<const uint8_t> labels, uint8_t label) {
  std::vector<uint8_t> mask(labels.size());
  std::transform(labels.begin(), labels.end(), mask.begin(),
                 [label](uint8_t value) { return value == label ? 1 : 0; });
  return mask;
}

// Sum over the samples of the mean over the foreground classes of the Dice of
// the highest scores.
double hard_dice(const torch::Tensor& logits_NKDHW,
                 const torch::Tensor& label_NDHW) {
  const torch::Tensor kept = label_NDHW != kIgnoredLabel;
  const torch::Tensor answer_NDHW = logits_NKDHW.argmax(1);
  double sum = 0.0;
  for (int64_t k = 1; k < logits_NKDHW.size(1); ++k) {
    const torch::Tensor p = (answer_NDHW == k) & kept;
    const torch::Tensor g = label_NDHW == k;
    const torch::Tensor both_N = (p & g).flatten(1).sum(1);
    const torch::Tensor either_N = p.flatten(1).sum(1) + g.flatten(1).sum(1);
    sum += torch::where(either_N > 0, 2.0 * both_N / either_N.clamp_min(1), 1.0)
               .sum()
               .item<double>();
  }
  return sum / static_cast<double>(logits_NKDHW.size(1) - 1);
}

// Means that leave out what is not a number.
class Mean {
 public:
  void add(double value) {
    if (!std::isnan(value)) {
      sum_ += value;
      ++count_;
    }
  }

  int64_t count() const { return count_; }

  Json value() const {
    return count_ == 0 ? Json() : Json(sum_ / static_cast<double>(count_));
  }

 private:
  double sum_ = 0.0;
  int64_t count_ = 0;
};

// The scores of class `k` (from 1 on) over all scans.
Json summarize_class(const CaseRows& rows, size_t k) {
  OverlapCounts all;
  LesionCounts lesions;
  Mean dice;
  Mean hd95;
  Mean surface;
  for (const CaseRow& row : rows) {
    const double* at = &row[(k - 1) * kNumColumns];
    const OverlapCounts one = {static_cast<int64_t>(at[kBoth]),
                               static_cast<int64_t>(at[kPredicted]),
                               static_cast<int64_t>(at[kReference])};
    all += one;
    dice.add(one.dice());
    hd95.add(at[kHd95]);
    surface.add(at[kSurfaceDice]);
    lesions.lesions += static_cast<int64_t>(at[kLesions]);
    lesions.found += static_cast<int64_t>(at[kFound]);
    lesions.false_alarms += static_cast<int64_t>(at[kFalseAlarms]);
  }
  const auto scans = static_cast<double>(rows.size());
  Json scores = {
      {"dice", all.dice()},
      {"iou", all.iou()},
      {"dice_per_case", dice.value()},
      {"hd95_mm", hd95.value()},
      {"hd95_undefined", static_cast<int64_t>(rows.size()) - hd95.count()},
      {"surface_dice", surface.value()},
      {"lesions", lesions.lesions},
      {"lesion_sensitivity", Json()},
      {"false_alarms_per_scan", Json()}};
  if (lesions.lesions > 0) {
    scores["lesion_sensitivity"] = static_cast<double>(lesions.found) /
                                   static_cast<double>(lesions.lesions);
  }
  if (!rows.empty()) {
    scores["false_alarms_per_scan"] =
        static_cast<double>(lesions.false_alarms) / scans;
  }
  return scores;
}

}  // namespace

void SegmentationConfig::validate(const std::string& path) const {
  const double weights = ce_weight + dice_weight + focal_weight;
  require(ce_weight >= 0.0, path + "ce_weight", ce_weight, "at least 0");
  require(dice_weight >= 0.0, path + "dice_weight", dice_weight, "at least 0");
  require(focal_weight >= 0.0, path + "focal_weight", focal_weight,
          "at least 0");
  require(weights > 0.0, path + "ce_weight + dice_weight + focal_weight",
          weights, "more than 0");
  require(focal_gamma >= 0.0, path + "focal_gamma", focal_gamma, "at least 0");
  require(label_smoothing >= 0.0 && label_smoothing < 1.0,
          path + "label_smoothing", label_smoothing, "in [0, 1)");
  require(dice.smooth > 0.0, path + "dice_smooth", dice.smooth, "more than 0");
  require(surface_tolerance_mm >= 0.0, path + "surface_tolerance_mm",
          surface_tolerance_mm, "at least 0");
  require(lesion_min_iou > 0.0 && lesion_min_iou <= 1.0,
          path + "lesion_min_iou", lesion_min_iou, "in (0, 1]");
}

torch::Tensor segmentation_loss(const torch::Tensor& logits_NKDHW,
                                const torch::Tensor& label_NDHW,
                                const SegmentationConfig& config) {
  torch::Tensor loss_N =
      torch::zeros({logits_NKDHW.size(0)}, logits_NKDHW.options());
  const auto add = [&loss_N](double weight, const torch::Tensor& one_N) {
    loss_N = loss_N + weight * one_N;
  };
  if (config.ce_weight > 0.0) {
    add(config.ce_weight,
        voxel_cross_entropy(logits_NKDHW, label_NDHW, config.label_smoothing));
  }
  if (config.dice_weight > 0.0) {
    add(config.dice_weight, dice_loss(logits_NKDHW, label_NDHW, config.dice));
  }
  if (config.focal_weight > 0.0) {
    add(config.focal_weight,
        focal_loss(logits_NKDHW, label_NDHW, config.focal_gamma));
  }
  return loss_N;
}

Segmentation::Segmentation(Network network, const SegmentationConfig& config,
                           ScanView view)
    : network_(std::move(network)), config_(config), view_(std::move(view)) {}

// ---- training ----

std::vector<std::string> Segmentation::sum_names() const {
  return {"loss", "dice"};
}

void Segmentation::check_labels(const Batch& batch) const {
  VOXLIFT_CHECK(batch.mask_NDHW.defined(), "segmentation without masks");
  const auto classes = static_cast<int64_t>(view_.classes.size());
  const torch::Tensor wrong =
      (batch.mask_NDHW >= classes) & (batch.mask_NDHW != kIgnoredLabel);
  if (!wrong.any().item<bool>()) {
    return;
  }
  const torch::Tensor first = wrong.nonzero()[0];
  const auto n = first[0].item<int64_t>();
  const auto label =
      batch
          .mask_NDHW[n][first[1].item<int64_t>()][first[2].item<int64_t>()]
                    [first[3].item<int64_t>()]
          .item<int64_t>();
  const std::string sample =
      batch.ids.empty() ? ""
                        : str_cat("sample ", batch.ids[static_cast<size_t>(n)]);
  throw DataError(str_cat(sample, ": its mask has the label ", label,
                          ", but there are ", classes, " classes (0 to ",
                          classes - 1, ")"));
}

torch::Tensor Segmentation::loss(const Batch& batch, std::span<double> sums) {
  check_labels(batch);
  const torch::Tensor logits_NKDHW =
      network_.forward(batch.x_NCDHW).to(torch::kFloat32);
  const torch::Tensor label_NDHW = batch.mask_NDHW.to(torch::kInt64);
  const torch::Tensor loss =
      segmentation_loss(logits_NKDHW, label_NDHW, config_).sum();
  const torch::NoGradGuard no_grad;
  sums[0] += loss.item<double>();
  sums[1] += hard_dice(logits_NKDHW, label_NDHW);
  return loss;
}

// ---- whole scans ----

std::vector<uint8_t> Segmentation::predict(const dataio::VolumeSource& scan) {
  const dataio::Shape3& shape = scan.facts().shape;
  const dataio::Normaliser normaliser(view_.intensities, scan.facts());
  const auto plane_voxels = static_cast<size_t>(shape[1] * shape[2]);
  std::vector<uint8_t> labels(static_cast<size_t>(shape[0]) * plane_voxels);
  SelfComm self;
  const WindowNetwork network = [this](const torch::Tensor& x_NCDHW) {
    return network_.forward(x_NCDHW.to(view_.device));
  };
  slide_window({shape, read_normalised(scan, normaliser)}, network,
               view_.window, self,
               [&](int64_t plane, const torch::Tensor& scores_KHW) {
                 const torch::Tensor label_HW =
                     scores_KHW.argmax(0).to(torch::kUInt8).contiguous();
                 std::memcpy(&labels[static_cast<size_t>(plane) * plane_voxels],
                             label_HW.data_ptr(), plane_voxels);
               });
  return labels;
}

// What comes after the counts in a row.
void Segmentation::score_class(std::span<const uint8_t> predicted,
                               std::span<const uint8_t> reference,
                               const Grid& grid, CaseRow* row) const {
  double hd95 = kNan;
  double surface_dice = kNan;
  if (config_.surface_scores) {
    const SurfaceDistances distances(predicted, reference, grid);
    hd95 = distances.hd95().value_or(kNan);
    surface_dice = distances.surface_dice(config_.surface_tolerance_mm);
  }
  const LesionCounts lesions =
      count_lesions(predicted, reference, grid, config_.lesion_min_iou);
  row->insert(row->end(),
              {hd95, surface_dice, static_cast<double>(lesions.lesions),
               static_cast<double>(lesions.found),
               static_cast<double>(lesions.false_alarms)});
}

CaseRow Segmentation::evaluate_scan(const dataio::VolumeSource& scan) {
  if (!scan.facts().has_mask) {
    throw DataError(str_cat(scan.describe(), ": has no mask to score against"));
  }
  const Grid grid = {scan.facts().shape, scan.facts().spacing_mm};
  std::vector<uint8_t> predicted = predict(scan);
  std::vector<uint8_t> reference(predicted.size());
  scan.read_mask({{0, 0, 0}, grid.shape}, reference);
  std::vector<OverlapCounts> counts;
  try {
    counts = count_overlap(predicted, reference,
                           static_cast<int64_t>(view_.classes.size()),
                           kIgnoredLabel);
  } catch (DataError& error) {
    error.add_context(scan.describe());
    throw;
  }
  for (size_t i = 0; i < reference.size(); ++i) {
    if (reference[i] == kIgnoredLabel) {
      predicted[i] = 0;
      reference[i] = 0;
    }
  }
  CaseRow row;
  for (size_t k = 1; k < counts.size(); ++k) {
    row.insert(row.end(), {static_cast<double>(counts[k].both),
                           static_cast<double>(counts[k].predicted),
                           static_cast<double>(counts[k].reference)});
    const auto label = static_cast<uint8_t>(k);
    score_class(where(predicted, label), where(reference, label), grid, &row);
  }
  return row;
}

Json Segmentation::summarize(const CaseRows& rows) const {
  Json classes = Json::object();
  Json scores = {{"cases", rows.size()}};
  for (const char* name :
       {"dice", "iou", "dice_per_case", "hd95_mm", "surface_dice",
        "lesion_sensitivity", "false_alarms_per_scan"}) {
    Mean mean;
    for (size_t k = 1; k < view_.classes.size(); ++k) {
      Json& one = classes[view_.classes[k]];
      if (one.is_null()) {
        one = summarize_class(rows, k);
      }
      mean.add(one[name].is_null() ? kNan : one[name].get<double>());
    }
    scores[name] = mean.value();
  }
  scores["classes"] = classes;
  return scores;
}

}  // namespace voxlift::trainer
