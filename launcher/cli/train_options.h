#pragma once
// The options of a training run by their names.

#include "launcher/config_file.h"
#include "trainer/train_config.h"

namespace voxlift::launcher {

// Binds every field of `config`, which must outlive the binder.
void bind_train_options(OptionBinder& binder, trainer::TrainConfig& config);

}  // namespace voxlift::launcher
