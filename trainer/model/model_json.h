#pragma once
// Network options as JSON, as golden vectors and checkpoints hold them.

#include <string>

#include "base/json.h"
#include "trainer/model/model_config.h"

namespace voxlift::trainer {

// Every option by its configuration key.
Json to_json(const ModelConfig& config);

// Keys that are absent keep their default; `depth` may be a number or a text;
// "shortcut_type", as the published code has it, is "shortcut".
// Throws DataError naming `origin` and the key for an unknown one or a wrong
// type, ConfigError for a value out of range.
ModelConfig model_config_from_json(const Json& json, const std::string& origin);

}  // namespace voxlift::trainer
