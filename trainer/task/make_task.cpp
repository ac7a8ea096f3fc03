#include "trainer/task/make_task.h"

#include "base/error.h"
#include "base/strings.h"
#include "trainer/model/classifier.h"

namespace voxlift::trainer {
namespace {

std::unique_ptr<Task> make_classification(const TrainConfig& config,
                                          const ModelConfig& model) {
  Classifier network(model);
  initialize(*network, config.run.seed);
  return std::make_unique<Classification>(network, config.loss);
}

void check_network(const ModelConfig& model, bool fits, const char* task) {
  if (!fits) {
    throw ConfigError(str_cat("model.network = '", model.network,
                              "' does not do task.kind = '", task, "'"));
  }
}

}  // namespace

std::unique_ptr<Task> make_task(const TrainConfig& config,
                                const ModelConfig& model,
                                const std::vector<std::string>& /*classes*/,
                                const torch::Device& device) {
  check_network(model, model.network == "resnet3d", "classification");
  std::unique_ptr<Task> task = make_classification(config, model);
  task->model().to(device);
  task->model().train();
  return task;
}

}  // namespace voxlift::trainer
