#include "launcher/cli/scored_file.h"

#include <iostream>
#include <memory>

#include "base/error.h"
#include "base/strings.h"
#include "launcher/cli/train_options.h"
#include "trainer/model/model_json.h"
#include "trainer/task/make_task.h"
#include "trainer/weights/import_weights.h"

namespace voxlift::launcher {
namespace {

constexpr size_t kListedNames = 20;

// Into `config`; a digest of all of it.
std::string read_config(const std::string& path, trainer::TrainConfig* config) {
  OptionBinder binder(str_cat("'", path, "'"));
  bind_train_options(binder, *config);
  const std::vector<std::string> args = {"--config=" + path};
  binder.parse(args);
  config->task.validate("task.");
  config->volume.validate("volume.");
  return binder.digest();
}

trainer::ModelConfig model_of(const trainer::TrainConfig& config,
                              const trainer::NetworkWeights& source) {
  return source.network.is_null()
             ? trainer::complete_model(config.model, source.tensors, {})
             : trainer::model_config_from_json(source.network, source.origin);
}

std::vector<std::string> class_names(const WeightFile& given, int64_t classes) {
  std::vector<std::string> names = given.classes;
  for (int64_t k = 0; given.classes.empty() && k < classes; ++k) {
    names.push_back(str_cat("class ", k));
  }
  if (static_cast<int64_t>(names.size()) != classes) {
    throw ConfigError(str_cat("classes has ", names.size(), " names; '",
                              given.path, "' tells ", classes,
                              " classes apart"));
  }
  return names;
}

void check_fit(const trainer::MatchReport& report, const WeightFile& given,
               const trainer::Communicator& control) {
  if (report.missing.empty() && report.unexpected.empty() &&
      report.reshaped.empty()) {
    return;
  }
  if (control.rank() == 0) {
    std::cerr << "'" << given.path << "' for the network of '" << given.config
              << "':\n"
              << report.text(kListedNames);
  }
  throw ConfigError(str_cat("'", given.path, "' does not fit the network of '",
                            given.config, "': ", report.missing.size(),
                            " tensors are missing, ", report.unexpected.size(),
                            " are unexpected, ", report.reshaped.size(),
                            " have another shape"));
}

}  // namespace

ScoredCheckpoint load_scored_file(Files& files, const WeightFile& given,
                                  const trainer::Communicator& control) {
  ScoredCheckpoint scored;
  scored.origin = given.path;
  scored.state = {{"train_config", read_config(given.config, &scored.run)}};
  const trainer::NetworkWeights source =
      trainer::read_network_weights(files, given.path);
  scored.model = model_of(scored.run, source);
  scored.classes = class_names(given, scored.model.classes);
  const std::unique_ptr<trainer::Task> task =
      trainer::make_task(scored.run, scored.model, scored.classes, torch::kCPU);
  check_fit(trainer::match_weights(task->model(), source.tensors,
                                   {.load_head = true}),
            given, control);
  scored.weights = trainer::named_tensors(task->model());
  return scored;
}

}  // namespace voxlift::launcher
