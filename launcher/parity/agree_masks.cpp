#include <algorithm>
#include <optional>

#include "launcher/parity/agree_check.h"
#include "trainer/metrics/grid.h"
#include "trainer/metrics/mask_scores.h"

namespace voxlift::launcher {
namespace {

using Mask = std::vector<uint8_t>;

Mask voxels_of(const Mask& mask, int64_t label) {
  Mask voxels(mask.size());
  std::transform(mask.begin(), mask.end(), voxels.begin(),
                 [label](uint8_t value) { return value == label ? 1 : 0; });
  return voxels;
}

Json optional_json(const std::optional<double>& value) {
  return value.has_value() ? Json(*value) : Json();
}

Json class_scores(const Mask& predicted, const Mask& reference, int64_t label,
                  const trainer::Grid& grid, double tolerance_mm) {
  const trainer::SurfaceDistances distances(voxels_of(predicted, label),
                                            voxels_of(reference, label), grid);
  return {{"hd95", optional_json(distances.hd95())},
          {"surface_dice", distances.surface_dice(tolerance_mm)}};
}

}  // namespace

Json agree_masks(const sharding::H5Group& input) {
  const auto shape = input.dataset("predicted").shape();
  const auto predicted = input.dataset("predicted").read<uint8_t>();
  const auto reference = input.dataset("reference").read<uint8_t>();
  const auto spacing = input.dataset("spacing").read<double>();
  const auto classes = input.read_attribute<int64_t>("classes");
  const trainer::Grid grid = {{shape.at(0), shape.at(1), shape.at(2)},
                              {spacing.at(0), spacing.at(1), spacing.at(2)}};
  Json answer = {{"classes", Json::array()}};
  const auto counts = trainer::count_overlap(predicted, reference, classes);
  for (int64_t label = 0; label < classes; ++label) {
    const auto& count = counts[static_cast<size_t>(label)];
    Json scores = class_scores(predicted, reference, label, grid,
                               input.read_attribute<double>("tolerance_mm"));
    scores["dice"] = count.dice();
    scores["iou"] = count.iou();
    scores["counts"] = {count.both, count.predicted, count.reference};
    answer["classes"].push_back(scores);
  }
  const auto lesions = trainer::count_lesions(
      predicted, reference, grid, input.read_attribute<double>("min_iou"));
  answer["lesions"] = {lesions.lesions, lesions.found, lesions.false_alarms};
  Mask largest = predicted;
  trainer::keep_largest_component(largest, grid, trainer::Neighbours::kFaces);
  answer["largest"] = largest;
  return answer;
}

}  // namespace voxlift::launcher
