#include "trainer/metrics/detection_scores.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace voxlift::trainer {
namespace {

double intersection(const PixelBox& a, const PixelBox& b) {
  const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const double height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  return width > 0.0 && height > 0.0 ? width * height : 0.0;
}

double overlap_of(const PixelBox& found, const PixelBox& truth,
                  BoxOverlap overlap) {
  return overlap == BoxOverlap::kIou ? box_iou(found, truth)
                                     : box_coverage(found, truth);
}

struct Ranked {
  size_t image = 0;
  Detection detection;
};

// All detections with a score, highest first; at most `most` of an image.
std::vector<Ranked> ranked(std::span<const DetectionCase> cases, size_t most) {
  const auto higher = [](const auto& a, const auto& b) {
    return a.detection.score > b.detection.score;
  };
  std::vector<Ranked> all;
  for (size_t image = 0; image < cases.size(); ++image) {
    std::vector<Ranked> own;
    for (const Detection& detection : cases[image].found) {
      if (!std::isnan(detection.score)) {
        own.push_back({image, detection});
      }
    }
    std::stable_sort(own.begin(), own.end(), higher);
    own.resize(std::min(own.size(), most));
    all.insert(all.end(), own.begin(), own.end());
  }
  std::stable_sort(all.begin(), all.end(), higher);
  return all;
}

std::vector<std::vector<bool>> nothing_taken(
    std::span<const DetectionCase> cases) {
  std::vector<std::vector<bool>> taken;
  taken.reserve(cases.size());
  for (const DetectionCase& one : cases) {
    taken.emplace_back(one.truth.size());
  }
  return taken;
}

int64_t count_truth(std::span<const DetectionCase> cases) {
  int64_t sum = 0;
  for (const DetectionCase& one : cases) {
    sum += static_cast<int64_t>(one.truth.size());
  }
  return sum;
}

// Takes the best box that is free; false if none overlaps enough.
bool take_best(const PixelBox& box, const std::vector<PixelBox>& truth,
               double min_iou, std::vector<bool>& taken) {
  double best = min_iou;
  size_t found = truth.size();
  for (size_t i = 0; i < truth.size(); ++i) {
    const double iou = box_iou(box, truth[i]);
    if (!taken[i] && iou >= best && (iou > best || found == truth.size())) {
      best = iou;
      found = i;
    }
  }
  if (found == truth.size()) {
    return false;
  }
  taken[found] = true;
  return true;
}

// Precision after each detection, made monotone from behind, and recall.
struct Curve {
  std::vector<double> precision;
  std::vector<double> recall;
};

Curve precision_recall(std::span<const DetectionCase> cases, double min_iou,
                       int64_t max_per_image) {
  auto taken = nothing_taken(cases);
  const auto truth = static_cast<double>(count_truth(cases));
  Curve curve;
  double hits = 0.0;
  for (const Ranked& one : ranked(cases, static_cast<size_t>(max_per_image))) {
    hits += take_best(one.detection.box, cases[one.image].truth, min_iou,
                      taken[one.image])
                ? 1.0
                : 0.0;
    curve.recall.push_back(hits / truth);
    curve.precision.push_back(hits / static_cast<double>(curve.recall.size()));
  }
  for (size_t i = curve.precision.size(); i > 1; --i) {
    curve.precision[i - 2] =
        std::max(curve.precision[i - 2], curve.precision[i - 1]);
  }
  return curve;
}

}  // namespace

double PixelBox::area() const {
  return std::max(0.0, x2 - x1) * std::max(0.0, y2 - y1);
}

double box_iou(const PixelBox& a, const PixelBox& b) {
  const double common = intersection(a, b);
  return common > 0.0 ? common / (a.area() + b.area() - common) : 0.0;
}

double box_coverage(const PixelBox& box, const PixelBox& other) {
  const double common = intersection(box, other);
  return common > 0.0 ? common / box.area() : 0.0;
}

Froc::Froc(std::span<const DetectionCase> cases, double min_overlap,
           BoxOverlap overlap)
    : num_images_(static_cast<int64_t>(cases.size())),
      num_truth_(count_truth(cases)) {
  auto taken = nothing_taken(cases);
  for (const Ranked& one : ranked(cases, SIZE_MAX)) {
    const std::vector<PixelBox>& truth = cases[one.image].truth;
    bool matched = false;
    for (size_t i = 0; i < truth.size(); ++i) {
      if (overlap_of(one.detection.box, truth[i], overlap) < min_overlap) {
        continue;
      }
      matched = true;
      hits_in_all_ += taken[one.image][i] ? 0 : 1;
      taken[one.image][i] = true;
    }
    if (!matched) {
      hits_before_.push_back(hits_in_all_);
    }
  }
}

double Froc::sensitivity(double false_positives_per_image) const {
  if (num_truth_ == 0) {
    return 0.0;
  }
  // x times the images are allowed; the next one ends it.
  const double allowed =
      false_positives_per_image * static_cast<double>(num_images_);
  const auto next = static_cast<size_t>(std::max(0.0, std::floor(allowed)));
  const int64_t hits =
      next < hits_before_.size() ? hits_before_[next] : hits_in_all_;
  return static_cast<double>(hits) / static_cast<double>(num_truth_);
}

double Froc::mean() const {
  constexpr std::array kRates = {0.5, 1.0, 2.0, 4.0};
  double sum = 0.0;
  for (const double rate : kRates) {
    sum += sensitivity(rate);
  }
  return sum / static_cast<double>(kRates.size());
}

double average_precision(std::span<const DetectionCase> cases, double min_iou,
                         int64_t max_per_image) {
  constexpr int kRecalls = 101;
  if (count_truth(cases) == 0) {
    return 0.0;
  }
  const Curve curve = precision_recall(cases, min_iou, max_per_image);
  double sum = 0.0;
  for (int i = 0; i < kRecalls; ++i) {
    const double recall = static_cast<double>(i) / (kRecalls - 1);
    const auto at =
        std::lower_bound(curve.recall.begin(), curve.recall.end(), recall);
    sum +=
        at == curve.recall.end()
            ? 0.0
            : curve.precision[static_cast<size_t>(at - curve.recall.begin())];
  }
  return sum / kRecalls;
}

double mean_average_precision(std::span<const DetectionCase> cases,
                              int64_t max_per_image) {
  constexpr int kThresholds = 10;
  double sum = 0.0;
  for (int i = 0; i < kThresholds; ++i) {
    sum += average_precision(cases, 0.5 + 0.05 * i, max_per_image);
  }
  return sum / kThresholds;
}

}  // namespace voxlift::trainer
