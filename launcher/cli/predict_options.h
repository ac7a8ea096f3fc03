#pragma once
// What `voxlift predict` can be told.

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/cli/scan_arguments.h"
#include "launcher/config_file.h"
#include "trainer/infer/overlay_sheet.h"
#include "trainer/infer/segment_scan.h"

namespace voxlift::launcher {

// An option that leaves the choice to the training.
inline constexpr const char* kFromTraining = "auto";

struct PredictOptions {
  std::string weights;
  // Of weight files: a training's configuration, and names.
  std::string train_config;
  std::vector<std::string> classes;
  ScanArguments scans;
  std::string recipe = kFromTraining;
  // Of classification: the class whose activation map is written, "best": the
  // predicted one; empty: none.
  std::string cam;
  trainer::OverlayConfig overlay;  // Of segmentation and detection.
  // Of the window: what is zero, empty or "auto" is as in the training's own
  // evaluations.
  trainer::SegmentConfig segment = {.window = {.window = {0, 0, 0},
                                               .stride = {0, 0, 0},
                                               .weights = "",
                                               .flips = kFromTraining,
                                               .batch = 0}};
  int64_t slice_step = 1;
  int64_t threads = 1;
  std::string device = "auto";

  // What does not depend on the checkpoint. Throws ConfigError.
  void validate() const;
};

// Binds every field of `options`, which must outlive the binder.
void bind_predict_options(OptionBinder& binder, PredictOptions& options);

void print_predict_help(const OptionBinder& binder);

// `given` with the fields that leave the choice to `training` filled in.
trainer::SegmentConfig segment_config_for(
    const trainer::SegmentConfig& given,
    const trainer::SlidingWindowConfig& training);

}  // namespace voxlift::launcher
