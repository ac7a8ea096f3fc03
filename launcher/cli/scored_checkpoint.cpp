#include "launcher/cli/scored_checkpoint.h"

#include <map>

#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"
#include "launcher/cli/train_options.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/model/model_json.h"
#include "trainer/weights/scored_weights.h"
#include "trainer/weights/tensor_map.h"

namespace voxlift::launcher {
namespace {

// The step_* folder that `path` names: itself, or a run's newest good one.
// COLLECTIVE: rank 0 looks, so that all ranks score the same checkpoint of a
// run that still goes on.
int64_t choose_step(Files& files, const std::string& path,
                    trainer::CheckpointStore& store,
                    trainer::Communicator& control) {
  int64_t step = -1;
  if (control.rank() == 0) {
    std::vector<std::string> problems;
    step = store.newest_good(&problems).value_or(-1);
    for (const std::string& problem : problems) {
      log_warning(problem);
    }
  }
  control.broadcast(trainer::buffer_of(std::span(&step, 1)), 0);
  if (step < 0) {
    throw DataError(str_cat("'", path, "' has no good checkpoint",
                            files.exists(path) ? "" : ": it does not exist"));
  }
  return step;
}

trainer::Checkpoint load_checkpoint(Files& files, std::string path,
                                    trainer::Communicator& control) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  const std::string name = base_name(path);
  if (!name.starts_with("step_")) {
    trainer::CheckpointStore store(files, join_path(path, "checkpoints"), 1);
    return store.load(choose_step(files, path, store, control));
  }
  const auto step = parse_int(name.substr(std::string("step_").size()));
  if (!step.has_value()) {
    throw ConfigError(str_cat("checkpoint = '", path,
                              "': the name must end in a step number"));
  }
  return trainer::CheckpointStore(files, parent_dir(path), 1).load(*step);
}

// The configuration of the run that wrote the checkpoint.
trainer::TrainConfig config_of(const trainer::Checkpoint& checkpoint,
                               const std::string& origin) {
  trainer::TrainConfig config;
  OptionBinder binder(str_cat("'", origin, "'"), false);
  bind_train_options(binder, config);
  std::vector<std::string> args;
  const Json options = json_get<Json>(checkpoint.state, "config", origin);
  for (const auto& [name, value] : options.items()) {
    args.push_back(str_cat("--", name, "=", value.get<std::string>()));
  }
  binder.parse(args);
  return config;
}

}  // namespace

ScoredCheckpoint load_scored_checkpoint(Files& files, const std::string& path,
                                        trainer::Communicator& control) {
  const trainer::Checkpoint checkpoint = load_checkpoint(files, path, control);
  ScoredCheckpoint scored;
  scored.origin = path;
  scored.run = config_of(checkpoint, path);
  const Json identity = json_get<Json>(checkpoint.state, "identity", path);
  scored.model = trainer::model_config_from_json(
      json_get<Json>(identity, "model", path), path);
  scored.classes =
      json_get<std::vector<std::string>>(checkpoint.state, "classes", path);
  scored.weights = trainer::scored_weights(checkpoint);
  scored.state = checkpoint.state;
  return scored;
}

void load_into(torch::nn::Module& network, const ScoredCheckpoint& checkpoint) {
  const torch::NoGradGuard no_grad;
  const std::map<std::string, torch::Tensor> given(checkpoint.weights.begin(),
                                                   checkpoint.weights.end());
  for (const auto& [name, tensor] : trainer::named_tensors(network)) {
    const auto found = given.find(name);
    if (found == given.end() || found->second.sizes() != tensor.sizes()) {
      throw DataError(str_cat(
          "'", checkpoint.origin, "': its network has ", name, " ",
          trainer::shape_text(tensor), ", its file ",
          found == given.end() ? "not" : trainer::shape_text(found->second)));
    }
    torch::Tensor target = tensor;
    target.copy_(found->second);
  }
}

}  // namespace voxlift::launcher
