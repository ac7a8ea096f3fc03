#include "trainer/weights/scored_weights.h"

#include <map>
#include <string>

#include "base/strings.h"

namespace voxlift::trainer {
namespace {

// The run's option `name`, as text; empty where the run did not have it.
std::string option_of(const Checkpoint& checkpoint, const std::string& name) {
  const Json config = checkpoint.state.value("config", Json::object());
  return config.value(name, "");
}

}  // namespace

TensorMap scored_weights(const Checkpoint& checkpoint) {
  const double decay =
      parse_double(option_of(checkpoint, "ema.decay")).value_or(0.0);
  if (decay == 0.0 || option_of(checkpoint, "ema.evaluate") == "false") {
    return checkpoint.model;
  }
  const std::map<std::string, torch::Tensor> kept(checkpoint.optimizer.begin(),
                                                  checkpoint.optimizer.end());
  TensorMap weights = checkpoint.model;
  for (auto& [name, tensor] : weights) {
    const auto mean = kept.find("ema." + name);
    tensor = mean != kept.end() ? mean->second : tensor;
  }
  return weights;
}

}  // namespace voxlift::trainer
