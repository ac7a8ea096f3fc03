#pragma once
// The options of a training run by their names.

#include "launcher/config_file.h"
#include "trainer/train_config.h"

namespace voxlift::launcher {

// Binds every field of `config`, which must outlive the binder.
void bind_train_options(OptionBinder& binder, trainer::TrainConfig& config);

// Those of the network alone, "model.depth" and so on.
void bind_model_options(OptionBinder& binder, trainer::ModelConfig& model);

}  // namespace voxlift::launcher
