#pragma once
// A scan's slices with what was predicted, as one PNG.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataio/overlay.h"
#include "dataio/volume.h"
#include "dataio/volume_source.h"

namespace voxlift::trainer {

struct OverlayConfig {
  bool draw = false;
  // Values of black and white; empty: of boxes the training's window, of masks
  // the 0.5 % and 99.5 % quantiles of the scan.
  std::vector<int64_t> window;
  // Boxes with less are not drawn.
  double min_score = 0.3;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// At most so many slices are on a sheet.
constexpr size_t kMostSlices = 24;

// At most kMostSlices of `slices`, evenly spread, the first and the last of
// them among them.
std::vector<int64_t> spread_slices(const std::vector<int64_t>& slices);

// Slices along the depth of `scan` that have labels above 0 (all slices if none
// has), spread, with the outlines of `labels` (of the scan's shape). A slice's
// number stands below it.
[[nodiscard]] std::vector<std::byte> mask_sheet(const dataio::Volume& scan,
                                                std::span<const uint8_t> labels,
                                                const OverlayConfig& config);

struct DrawnBox {
  int64_t slice = 0;
  dataio::SliceBox box;
  double score = 0.0;
  int64_t label = 0;
};

// The slices of `scan` with the highest scores, by rising number (of all
// slices, spread, if no box has config.min_score), each with its boxes and
// their scores. `training`: the window without config.window.
[[nodiscard]] std::vector<std::byte> box_sheet(
    const dataio::VolumeSource& scan, const std::vector<DrawnBox>& boxes,
    const dataio::GreyWindow& training, const OverlayConfig& config);

}  // namespace voxlift::trainer
