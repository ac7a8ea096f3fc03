#pragma once
// Scores of a predicted mask against a reference mask.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "trainer/metrics/grid.h"

namespace voxlift::trainer {

// Voxel counts of one class; those of several scans may be added.
struct OverlapCounts {
  int64_t both = 0;
  int64_t predicted = 0;
  int64_t reference = 0;

  OverlapCounts& operator+=(const OverlapCounts& other);

  // 2 both / (predicted + reference); 1 where both masks are empty.
  double dice() const;
  // both / (predicted or reference); 1 where both masks are empty.
  double iou() const;
};

// Counts of the classes 0 .. num_classes - 1 of two label maps of one grid.
// Voxels whose reference is `ignored` are left out. Throws DataError naming a
// label that is no class.
std::vector<OverlapCounts> count_overlap(std::span<const uint8_t> predicted,
                                         std::span<const uint8_t> reference,
                                         int64_t num_classes,
                                         int ignored = 255);

// Distances in mm between the surfaces of two masks (not 0: inside). A surface
// voxel has a face neighbour outside; beyond the grid all is outside. Distances
// go between centres of voxels.
class SurfaceDistances {
 public:
  // Cost: two exact distance transforms of the grid.
  SurfaceDistances(std::span<const uint8_t> predicted,
                   std::span<const uint8_t> reference, const Grid& grid);

  // Both directions have distances, so neither mask is empty.
  bool defined() const { return !forward_.empty() && !backward_.empty(); }

  // The larger of the two directions' 95th percentiles (linear between
  // neighbours); 0 where both masks are empty, nothing where one is.
  std::optional<double> hd95() const;

  // Share of the surface voxels of both masks that are within `tolerance_mm` of
  // the other surface; 1 where both masks are empty. Source: Nikolov et al.,
  // arXiv 1809.04430, with voxels counted instead of areas.
  double surface_dice(double tolerance_mm) const;

 private:
  std::vector<double> forward_;   // Of predicted surface voxels.
  std::vector<double> backward_;  // Of reference surface voxels.
};

// Found and missed lesions: connected components (26 neighbours) of the
// reference, and of the prediction. A lesion is found if it overlaps a
// predicted component with IoU of at least `min_iou`; each component counts for
// one lesion at most (largest IoU first).
struct LesionCounts {
  int64_t lesions = 0;
  int64_t found = 0;
  int64_t false_alarms = 0;  // Predicted components without a lesion.
};

LesionCounts count_lesions(std::span<const uint8_t> predicted,
                           std::span<const uint8_t> reference, const Grid& grid,
                           double min_iou);

}  // namespace voxlift::trainer
