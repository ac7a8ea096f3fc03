#pragma once
// A label for every voxel of a scan, on the scan's own grid.

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/comm/communicator.h"
#include "trainer/infer/grid_map.h"
#include "trainer/infer/sliding_window.h"

namespace voxlift::trainer {

struct SegmentConfig {
  SlidingWindowConfig window;
  // From the network's grid to the scan's: "linear": scores, trilinear, before
  // the highest is taken; "nearest": labels.
  std::string resample = "linear";
  // "all"; "largest": the largest component (6 neighbours) of what is not
  // background; "largest_per_class": of each class. The rest becomes 0.
  std::string keep = "all";

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// A scan as the network sees it, and the grid that its labels are wanted on.
struct SegmentInput {
  ImageReader read;  // Of `grid`.
  ScanGrid grid;
  ScanGrid target;
  std::string origin;  // For messages.
};

// COLLECTIVE over `comm`, whose ranks share the windows. The labels (D, H, W)
// of the target grid, on every rank; 0 where the network's grid does not reach.
// The same bits for any number of ranks. Memory: as slide_window, two planes
// of scores and the labels. Throws DataError naming `origin` if the grids'
// axes are not parallel; what slide_window throws.
std::vector<uint8_t> segment_scan(const SegmentInput& input,
                                  const WindowNetwork& network,
                                  const SegmentConfig& config,
                                  Communicator& comm);

// What `keep` says, in place.
void keep_components(std::vector<uint8_t>& labels, const dataio::Shape3& shape,
                     const std::string& keep);

}  // namespace voxlift::trainer
