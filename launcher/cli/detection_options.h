#pragma once
// Options of detection: sections [slices] and [detector].

#include "dataio/transform/slices_transform.h"
#include "launcher/config_file.h"
#include "trainer/detection/detector_config.h"

namespace voxlift::launcher {

// `slices` and `detector` must outlive `binder`.
void bind_slices(OptionBinder& binder, dataio::SlicesTransformConfig& slices);
void bind_detector(OptionBinder& binder, trainer::DetectorConfig& detector);

}  // namespace voxlift::launcher
