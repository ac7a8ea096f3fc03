#include "trainer/task/make_task.h"

#include "base/error.h"
#include "base/strings.h"
#include "trainer/model/init.h"
#include "trainer/model/make_network.h"
#include "trainer/task/detection.h"

namespace voxlift::trainer {
namespace {

std::unique_ptr<Task> make_classification(const TrainConfig& config,
                                          const ModelConfig& model) {
  return std::make_unique<Classification>(make_network(model, config.run.seed),
                                          config.loss);
}

std::unique_ptr<Task> make_segmentation(const TrainConfig& config,
                                        const ModelConfig& model,
                                        const std::vector<std::string>& classes,
                                        const torch::Device& device) {
  return std::make_unique<Segmentation>(
      make_network(model, config.run.seed), config.segmentation,
      ScanView{.classes = classes,
               .intensities = config.volume,
               .window = config.resolved_window(),
               .device = device});
}

// Weights over the slices of a channel are as many as the slices.
void check_slices(const TrainConfig& config, const ModelConfig& model) {
  const bool counts =
      model.network == "mp3d" &&
      (model.conversion == "groupconv" || model.conversion == "conv3d");
  if (counts && model.slices != config.slices.num_slices) {
    throw ConfigError(str_cat(
        "model.slices = ", model.slices,
        ", but slices.num_slices = ", config.slices.num_slices,
        ": model.conversion = '", model.conversion, "' needs them equal"));
  }
}

std::unique_ptr<Task> make_detection(const TrainConfig& config,
                                     const ModelConfig& model,
                                     const std::vector<std::string>& classes) {
  check_slices(config, model);
  Detector network(p3d_options(model), config.detector, model.classes);
  initialize(*network, config.run.seed);
  return std::make_unique<DetectionTask>(network, config.detector, classes);
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
                                const std::vector<std::string>& classes,
                                const torch::Device& device) {
  std::unique_ptr<Task> task;
  if (config.task.kind == "segmentation") {
    check_network(model, is_for_segmentation(model), "segmentation");
    task = make_segmentation(config, model, classes, device);
  } else if (config.task.kind == "detection") {
    check_network(model, model.network == "p3d" || model.network == "mp3d",
                  "detection");
    task = make_detection(config, model, classes);
  } else {
    check_network(
        model,
        model.network == "resnet3d" || model.network == "genesis_encoder",
        "classification");
    task = make_classification(config, model);
  }
  apply_scheme(task->model(), config.init.scheme, config.run.seed);
  task->model().to(device);
  task->model().train();
  return task;
}

}  // namespace voxlift::trainer
