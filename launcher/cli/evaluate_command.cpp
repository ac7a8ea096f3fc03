#include <iostream>

#include "base/error.h"
#include "base/strings.h"
#include "launcher/cli/rank_frame.h"
#include "launcher/cli/scored_checkpoint.h"
#include "launcher/cli/train_command.h"
#include "launcher/config_file.h"
#include "trainer/device.h"
#include "trainer/evaluate.h"
#include "trainer/input/collate.h"
#include "trainer/input/run_data.h"
#include "trainer/task/make_task.h"

namespace voxlift::launcher {
namespace {

constexpr const char* kExamples = R"(
Scores a checkpoint on a packed data set, every case exactly once.

  voxlift evaluate --data shards/val \
      --checkpoint runs/r18/checkpoints/step_00001000
  voxlift-launch -n 2 -- evaluate --checkpoint runs/r18 --data shards/val

CHECKPOINT is a step_* folder, or a run's folder for its newest good one. The
network and the transform are those of the run, the weights (or their running
mean, ema.decay) those that the run itself scores. A threshold for two classes
is to be chosen on validation cases and used on others:

  voxlift evaluate --checkpoint runs/lidc --data shards/test \
      --threshold-from runs/lidc/result.json

Options:
)";

struct EvaluateConfig {
  std::string checkpoint;
  std::string data;
  std::string json_out;
  std::string threshold_from;
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
  binder.add("threshold-from", config.threshold_from,
             "take best_threshold of these scores (--json, result.json) of "
             "other cases; two classes only");
  binder.add("batch", config.batch, "samples per forward pass");
  binder.add("workers", config.workers, "decoding threads per rank");
  binder.add("threads", config.threads, "compute threads per rank");
  binder.add("device", config.device, "auto, cpu or cuda");
  binder.require("checkpoint");
  binder.require("data");
}

// A threshold that was chosen on other cases.
double threshold_of(const Files& files, const std::string& path) {
  Json scores = parse_json(as_text(files.read(path)), path);
  if (scores.contains("scores")) {
    scores = json_get<Json>(scores, "scores", path);
  }
  return json_get<double>(scores, "best_threshold", path);
}

Json evaluate_as_rank(const EvaluateConfig& config,
                      trainer::Communicator& control) {
  RealFiles files;
  const RealClock clock;
  trainer::set_compute_threads(config.threads);
  const torch::Device device =
      trainer::choose_device(config.device, local_rank_of(control));
  ScoredCheckpoint checkpoint =
      load_scored_checkpoint(files, config.checkpoint, control);
  if (!config.threshold_from.empty()) {
    checkpoint.run.loss.threshold = threshold_of(files, config.threshold_from);
  }
  const trainer::TrainConfig& run = checkpoint.run;
  const std::vector<std::string>& classes = checkpoint.classes;
  const auto task = trainer::make_task(run, checkpoint.model, classes, device);
  load_into(task->model(), checkpoint);
  const sharding::Dataset dataset(config.data, {});
  const auto names = trainer::class_names(dataset, run.task.kind);
  if (names != classes) {
    throw ConfigError(str_cat(
        "data = '", config.data, "' has the classes ", str_join(names, ", "),
        "; the checkpoint was trained on ", str_join(classes, ", ")));
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
