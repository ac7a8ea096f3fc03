#pragma once
// Boxes found on the slices of a scan.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataio/transform/slices_transform.h"
#include "trainer/detection/roi_head.h"
#include "trainer/infer/scan_predictor.h"
#include "trainer/task/task.h"

namespace voxlift::trainer {

// What is found in every sample of a batch, in pixels of it.
using BoxNetwork = std::function<std::vector<Detections>(const Batch& batch)>;

struct BoxPredictorConfig {
  dataio::SlicesTransformConfig slices;
  int64_t slice_step = 1;  // Every so many slices one is looked at.
  torch::Device device = torch::kCPU;
  OverlayConfig overlay = {};
};

// A list of boxes (.boxes.json), each on one slice, in voxels of the scan as
// its file has it, highest scores of a slice first: {"slice", "class", "score",
// "low", "high"}, the last two (D, H, W) as in scan lists. Values: "boxes", how
// many, and "best_score". With config.overlay also slices with their boxes
// (.png), as the network saw them.
std::unique_ptr<ScanPredictor> make_box_predictor(
    BoxNetwork network, std::vector<std::string> classes,
    const BoxPredictorConfig& config);

}  // namespace voxlift::trainer
