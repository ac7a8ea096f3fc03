#include "trainer/metrics/mask_scores.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/metrics/roc.h"

namespace voxlift::trainer {
namespace {

void check_label(int label, int64_t num_classes, const char* whose) {
  if (label >= num_classes) {
    throw DataError(str_cat("the ", whose, " mask has label ", label,
                            ", but there are ", num_classes, " classes"));
  }
}

// Distances from the voxels of `from` to the nearest one of `to`.
std::vector<double> distances(const std::vector<uint8_t>& from,
                              const std::vector<uint8_t>& to,
                              const Grid& grid) {
  const std::vector<double> squared = squared_distances(to, grid);
  std::vector<double> found;
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i] != 0) {
      found.push_back(std::sqrt(squared[i]));
    }
  }
  return found;
}

struct Overlap {
  double iou = 0.0;
  int32_t lesion = 0;
  int32_t component = 0;
};

// Pairs that overlap, largest IoU first.
std::vector<Overlap> overlaps(const Components& lesions,
                              const Components& found) {
  std::map<std::pair<int32_t, int32_t>, int64_t> common;
  for (size_t i = 0; i < lesions.label.size(); ++i) {
    if (lesions.label[i] != 0 && found.label[i] != 0) {
      ++common[{lesions.label[i], found.label[i]}];
    }
  }
  std::vector<Overlap> pairs;
  for (const auto& [pair, voxels] : common) {
    const int64_t all = lesions.voxels[static_cast<size_t>(pair.first) - 1] +
                        found.voxels[static_cast<size_t>(pair.second) - 1] -
                        voxels;
    pairs.push_back({static_cast<double>(voxels) / static_cast<double>(all),
                     pair.first, pair.second});
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const auto& a, const auto& b) { return a.iou > b.iou; });
  return pairs;
}

}  // namespace

OverlapCounts& OverlapCounts::operator+=(const OverlapCounts& other) {
  both += other.both;
  predicted += other.predicted;
  reference += other.reference;
  return *this;
}

double OverlapCounts::dice() const {
  const int64_t sum = predicted + reference;
  return sum == 0 ? 1.0
                  : 2.0 * static_cast<double>(both) / static_cast<double>(sum);
}

double OverlapCounts::iou() const {
  const int64_t either = predicted + reference - both;
  return either == 0 ? 1.0
                     : static_cast<double>(both) / static_cast<double>(either);
}

std::vector<OverlapCounts> count_overlap(std::span<const uint8_t> predicted,
                                         std::span<const uint8_t> reference,
                                         int64_t num_classes, int ignored) {
  VOXLIFT_CHECK(predicted.size() == reference.size(), "masks of two sizes");
  std::vector<OverlapCounts> counts(static_cast<size_t>(num_classes));
  for (size_t i = 0; i < reference.size(); ++i) {
    if (reference[i] == ignored) {
      continue;
    }
    check_label(reference[i], num_classes, "reference");
    check_label(predicted[i], num_classes, "predicted");
    ++counts[reference[i]].reference;
    ++counts[predicted[i]].predicted;
    counts[reference[i]].both += predicted[i] == reference[i] ? 1 : 0;
  }
  return counts;
}

SurfaceDistances::SurfaceDistances(std::span<const uint8_t> predicted,
                                   std::span<const uint8_t> reference,
                                   const Grid& grid) {
  const std::vector<uint8_t> ours = surface_of(predicted, grid);
  const std::vector<uint8_t> theirs = surface_of(reference, grid);
  forward_ = distances(ours, theirs, grid);
  backward_ = distances(theirs, ours, grid);
}

std::optional<double> SurfaceDistances::hd95() const {
  constexpr double kQuantile = 0.95;
  if (forward_.empty() && backward_.empty()) {
    return 0.0;
  }
  if (!defined()) {
    return std::nullopt;
  }
  return std::max(quantile(forward_, kQuantile),
                  quantile(backward_, kQuantile));
}

double SurfaceDistances::surface_dice(double tolerance_mm) const {
  int64_t close = 0;
  for (const auto* direction : {&forward_, &backward_}) {
    close += std::count_if(
        direction->begin(), direction->end(),
        [&](double distance) { return distance <= tolerance_mm; });
  }
  const size_t all = forward_.size() + backward_.size();
  return all == 0 ? 1.0 : static_cast<double>(close) / static_cast<double>(all);
}

LesionCounts count_lesions(std::span<const uint8_t> predicted,
                           std::span<const uint8_t> reference, const Grid& grid,
                           double min_iou) {
  const Components lesions =
      connected_components(reference, grid, Neighbours::kAll);
  const Components found =
      connected_components(predicted, grid, Neighbours::kAll);
  std::vector<bool> lesion_taken(lesions.voxels.size() + 1);
  std::vector<bool> component_taken(found.voxels.size() + 1);
  LesionCounts counts;
  counts.lesions = static_cast<int64_t>(lesions.voxels.size());
  for (const Overlap& pair : overlaps(lesions, found)) {
    const auto lesion = static_cast<size_t>(pair.lesion);
    const auto component = static_cast<size_t>(pair.component);
    if (pair.iou >= min_iou && !lesion_taken[lesion] &&
        !component_taken[component]) {
      lesion_taken[lesion] = component_taken[component] = true;
      ++counts.found;
    }
  }
  counts.false_alarms =
      static_cast<int64_t>(found.voxels.size()) - counts.found;
  return counts;
}

}  // namespace voxlift::trainer
