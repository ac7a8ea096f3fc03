#pragma once
// The options of commands that look at one training step on made-up batches.

#include "launcher/config_file.h"
#include "trainer/step_trial.h"

namespace voxlift::launcher {

struct StepOptions {
  StepOptions();  // ResNet3D-18, photographs of 224 px, four a slot.

  trainer::StepTrialConfig trial;
  bool channels_last = false;
};

// Task, network, shape, batch, threads, device and precision.
void bind_step(OptionBinder& binder, StepOptions& options);

// How many steps are timed.
void bind_timing(OptionBinder& binder, trainer::StepTrialConfig& config);

// What --slots 0, --channels-last and --shape stand for. Throws ConfigError.
void resolve(StepOptions& options, int ranks);

}  // namespace voxlift::launcher
