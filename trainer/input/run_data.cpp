#include "trainer/input/run_data.h"

#include "base/error.h"
#include "base/strings.h"
#include "trainer/input/collate.h"

namespace voxlift::trainer {

using sharding::Dataset;

std::vector<std::string> class_names(const Dataset& dataset,
                                     const std::string& task) {
  if (task == "classification") {
    return dataset.classes();
  }
  const auto& names =
      task == "segmentation" ? dataset.mask_classes() : dataset.box_classes();
  if (names.empty()) {
    throw ConfigError(str_cat("task.kind = '", task, "' needs ",
                              task == "segmentation" ? "masks" : "boxes",
                              ", but the data set has none"));
  }
  return names;
}

RunData open_run_data(const TrainConfig& config) {
  const sharding::DatasetConfig data_config = {
      .verify_checksums = config.data.verify_checksums,
      .stage = {.dir = config.data.stage_dir,
                .max_bytes = config.data.stage_mb * 1'000'000}};
  RunData data;
  data.train = std::make_unique<Dataset>(config.data.train, data_config);
  data.classes = class_names(*data.train, config.task.kind);
  if (!config.data.val.empty()) {
    data.val = std::make_unique<Dataset>(config.data.val, data_config);
    data.eval_loader = make_eval_loader(config, *data.val);
    const auto val_classes = class_names(*data.val, config.task.kind);
    if (val_classes != data.classes) {
      throw ConfigError(
          str_cat("data.val '", config.data.val, "' has ", val_classes.size(),
                  " classes, data.train '", config.data.train, "' has ",
                  data.classes.size(), "; the lists of names must be equal"));
    }
  }
  data.assignment = {.num_samples = data.train->num_samples(),
                     .slots = config.batch.slots,
                     .slot_batch = config.batch.slot_batch,
                     .seed = config.run.seed};
  data.steps_per_epoch =
      sharding::EpochAssignment(data.assignment, 0).num_steps();
  return data;
}

ModelConfig resolve_model(const TrainConfig& config, const RunData& data) {
  ModelConfig model = config.model;
  const auto data_classes = static_cast<int64_t>(data.classes.size());
  if (model.classes == 0) {
    model.classes = data_classes;
  }
  if (model.classes < data_classes) {
    throw ConfigError(str_cat("model.classes = ", model.classes,
                              ", but the data set has ", data_classes));
  }
  return model;
}

}  // namespace voxlift::trainer
