#include <iostream>
#include <map>

#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"
#include "launcher/cli/rank_frame.h"
#include "launcher/cli/train_command.h"
#include "launcher/cli/train_options.h"
#include "trainer/checkpoint/checkpoint_store.h"
#include "trainer/device.h"
#include "trainer/evaluate.h"
#include "trainer/input/collate.h"
#include "trainer/model/model_json.h"
#include "trainer/task/make_task.h"
#include "trainer/weights/load_weights.h"

namespace voxlift::launcher {
namespace {

constexpr const char* kExamples = R"(
Scores a checkpoint on a packed data set, every case exactly once.

  voxlift evaluate --data shards/val \
      --checkpoint runs/r18/checkpoints/step_00001000
  voxlift-launch -n 2 -- evaluate --checkpoint runs/r18 --data shards/val

CHECKPOINT is a step_* folder, or a run's folder for its newest good one. The
network and the transform are those of the run, the weights (or their running
mean, ema.decay) those that the run itself scores.

Options:
)";

struct EvaluateConfig {
  std::string checkpoint;
  std::string data;
  std::string json_out;
  int64_t batch = 32;
  int64_t workers = 1;
  int64_t threads = 1;
  std::string device = "auto";

  void validate() const {
    trainer::EvalConfig{.batch = batch}.validate("");
    for (const auto& [name, value] :
         {std::pair("workers", workers), std::pair("threads", threads)}) {
      if (value < 1) {
        throw ConfigError(str_cat(name, " = ", value, ": must be at least 1"));
      }
    }
  }
};

void bind(OptionBinder& binder, EvaluateConfig& config) {
  binder.add("checkpoint", config.checkpoint,
             "step_* folder or a run's folder");
  binder.add("data", config.data, "packed data set");
  binder.add("json", config.json_out, "also write the scores to this file");
  binder.add("batch", config.batch, "samples per forward pass");
  binder.add("workers", config.workers, "decoding threads per rank");
  binder.add("threads", config.threads, "compute threads per rank");
  binder.add("device", config.device, "auto, cpu or cuda");
  binder.require("checkpoint");
  binder.require("data");
}

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

// What the run's own evaluations score: the running mean of the weights, if it
// keeps one and says so, else the weights.
trainer::TensorMap scored_weights(const trainer::Checkpoint& checkpoint,
                                  const trainer::EmaConfig& ema) {
  trainer::TensorMap weights = checkpoint.model;
  if (ema.decay == 0.0 || !ema.evaluate) {
    return weights;
  }
  std::map<std::string, torch::Tensor> kept(checkpoint.optimizer.begin(),
                                            checkpoint.optimizer.end());
  for (auto& [name, tensor] : weights) {
    const auto mean = kept.find("ema." + name);
    tensor = mean != kept.end() ? mean->second : tensor;
  }
  return weights;
}

Json evaluate_as_rank(const EvaluateConfig& config,
                      trainer::Communicator& control) {
  RealFiles files;
  const RealClock clock;
  trainer::set_compute_threads(config.threads);
  const torch::Device device =
      trainer::choose_device(config.device, local_rank_of(control));
  const trainer::Checkpoint checkpoint =
      load_checkpoint(files, config.checkpoint, control);
  const trainer::TrainConfig run = config_of(checkpoint, config.checkpoint);
  const Json identity =
      json_get<Json>(checkpoint.state, "identity", config.checkpoint);
  const trainer::ModelConfig model_config = trainer::model_config_from_json(
      json_get<Json>(identity, "model", config.checkpoint), config.checkpoint);
  const auto classes = json_get<std::vector<std::string>>(
      checkpoint.state, "classes", config.checkpoint);
  const auto task = trainer::make_task(run, model_config, classes, device);
  const trainer::MatchReport report = trainer::match_weights(
      task->model(), scored_weights(checkpoint, run.ema), {.load_head = true});
  if (report.matched_frac() < 1.0) {
    throw DataError(str_cat("'", config.checkpoint, "' lacks tensors of its ",
                            "network: ", report.matched.size(), " match, ",
                            report.missing.size() + report.reshaped.size(),
                            " do not"));
  }
  const sharding::Dataset dataset(config.data, {});
  if (dataset.classes() != classes) {
    throw ConfigError(str_cat("data = '", config.data, "' has the classes ",
                              str_join(dataset.classes(), ", "),
                              "; the checkpoint was trained on ",
                              str_join(classes, ", ")));
  }
  const auto loader = trainer::make_eval_loader(run, dataset);
  return trainer::evaluate(
      *task, {dataset, *loader},
      {.batch = config.batch, .workers = config.workers, .device = device},
      control, clock);
}

int run_evaluate(std::span<const std::string> args) {
  EvaluateConfig config;
  OptionBinder binder("voxlift evaluate", false);
  bind(binder, config);
  if (wants_help(args)) {
    std::cout << kExamples;
    binder.print_help(std::cout);
    return 0;
  }
  const auto comm = open_communicator({});
  return run_ranks(*comm, "voxlift evaluate", [&] {
    trainer::run_alike(*comm, [&] {
      binder.parse(args);
      config.validate();
    });
    Json scores;
    trainer::with_torch_errors([&] {
      scores = evaluate_as_rank(config, *comm);
      return 0;
    });
    if (comm->rank() == 0) {
      std::cout << scores.dump() << std::endl;
      if (!config.json_out.empty()) {
        RealFiles().publish(config.json_out, scores.dump(2) + "\n");
      }
    }
    return 0;
  });
}

}  // namespace

Command evaluate_command() {
  return {"evaluate", "score a checkpoint on packed samples", run_evaluate};
}

}  // namespace voxlift::launcher
