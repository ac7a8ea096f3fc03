#include "launcher/cli/predict_command.h"

#include <iostream>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/strings.h"
#include "launcher/cli/command_help.h"
#include "launcher/cli/rank_frame.h"
#include "launcher/cli/scan_arguments.h"
#include "launcher/cli/scored_checkpoint.h"
#include "launcher/config_file.h"
#include "trainer/device.h"
#include "trainer/infer/box_predictor.h"
#include "trainer/infer/predict_run.h"
#include "trainer/model/make_network.h"
#include "trainer/task/detection.h"
#include "trainer/task/make_task.h"

namespace voxlift::launcher {
namespace {

// Ranks that share a scan wait for the slowest at its end.
constexpr double kPatience_s = 24.0 * 3600.0;
constexpr const char* kFromTraining = "auto";

// `given` with the fields that leave the choice to `training` filled in.
trainer::SegmentConfig with_defaults(
    const trainer::SegmentConfig& given,
    const trainer::SlidingWindowConfig& training) {
  constexpr dataio::Shape3 kNone = {0, 0, 0};
  trainer::SegmentConfig config = given;
  auto& window = config.window;
  if (window.window == kNone) {
    window.window = training.window;
    window.stride = window.stride == kNone ? training.stride : window.stride;
  }
  window.weights = window.weights.empty() ? training.weights : window.weights;
  window.flips = window.flips == kFromTraining ? training.flips : window.flips;
  window.batch = window.batch == 0 ? training.batch : window.batch;
  return config;
}

struct PredictOptions {
  std::string weights;
  ScanArguments scans;
  std::string recipe = kFromTraining;
  // Of the window: what is zero, empty or "auto" is as in the training's own
  // evaluations.
  trainer::SegmentConfig segment = {.window = {.window = {0, 0, 0},
                                               .stride = {0, 0, 0},
                                               .weights = "",
                                               .flips = kFromTraining,
                                               .batch = 0}};
  int64_t slice_step = 1;
  int64_t threads = 1;
  std::string device = "auto";

  // What does not depend on the checkpoint.
  void validate() const {
    scans.validate();
    trainer::SlidingWindowConfig any;
    any.window = {INT32_MAX, INT32_MAX, INT32_MAX};
    with_defaults(segment, any).validate("");
    if (recipe != kFromTraining) {
      (void)dataio::parse_recipe(recipe);
    }
    for (const auto& [name, value] :
         {std::pair("threads", threads), std::pair("slice-step", slice_step)}) {
      if (value < 1) {
        throw ConfigError(str_cat(name, " = ", value, ": must be at least 1"));
      }
    }
  }
};

void bind(OptionBinder& binder, PredictOptions& options) {
  auto& window = options.segment.window;
  binder.add("weights", options.weights,
             "a run's folder (its newest good checkpoint), or a step_* folder");
  binder.add("in", options.scans.in, "scans: folders and files");
  binder.add("out", options.scans.out, "folder of the predictions");
  binder.add("recipe", options.recipe,
             "steps before the network, as for pack; auto: those of the "
             "training data");
  binder.add("part", options.scans.part, "member of .npz files");
  binder.add("axes", options.scans.axes, "of arrays: dhw or hwd");
  binder.add("window", window.window,
             "depth,height,width of a window; 0,0,0: as in training's "
             "evaluations, with its stride");
  binder.add("stride", window.stride, "between windows; 0: half of one");
  binder.add("window-weights", window.weights,
             "gaussian or count; empty: as in training");
  binder.add("flips", window.flips,
             "mean over the mirrorings along these axes: d, h, w, hw ...; "
             "auto: as in training");
  binder.add("batch", window.batch,
             "windows per forward pass; 0: as in training");
  binder.add("resample", options.segment.resample,
             "to the scan's grid: linear (scores) or nearest (labels)");
  binder.add("keep", options.segment.keep,
             "all, largest or largest_per_class (connected components)");
  binder.add("slice-step", options.slice_step,
             "of detection: every so many slices one is looked at");
  binder.add("threads", options.threads, "compute threads per rank");
  binder.add("device", options.device, "auto, cpu or cuda");
  binder.require("weights");
  binder.require("in");
  binder.require("out");
}

void print_help(const OptionBinder& binder) {
  print_command_help(
      {"voxlift predict --weights RUN --in SCANS --out DIR [OPTIONS]",
       "Applies a trained network to scans: a mask on the scan's own grid, "
       "class\nprobabilities, or boxes. Scans are treated as in training. Run "
       "again "
       "after an interruption,\nit keeps what is done. Under mpirun the ranks "
       "share the scans, and, where there\nare fewer scans than ranks, the "
       "windows of one. Exit code 3: some scans could\nnot be read; the others "
       "are done.",
       {"voxlift predict --weights runs/liver --in scans --out masks",
        "voxlift predict --weights runs/liver --in a.nii.gz,b.nii.gz --out "
        "masks \\\n"
        "    --window 32,256,256 --stride 12,128,128 --window-weights count "
        "--keep largest",
        "mpirun -n 2 voxlift predict --weights runs/nodules --in dicom --out "
        "scores"}},
      binder);
}

// The training data's recipe: from the checkpoint, or, if that is older than
// this entry, from the data set.
std::string recipe_text(const PredictOptions& options,
                        const ScoredCheckpoint& checkpoint) {
  if (options.recipe != kFromTraining) {
    return dataio::parse_recipe(options.recipe).text();
  }
  if (!checkpoint.state.contains("recipe")) {
    throw ConfigError(str_cat("'", checkpoint.origin,
                              "' does not say what recipe its data set was ",
                              "packed with: give --recipe (voxlift inspect ",
                              "DATA tells; \"\" for none)"));
  }
  return json_get<std::string>(checkpoint.state, "recipe", checkpoint.origin);
}

void check_modality(const ScoredCheckpoint& checkpoint) {
  if (checkpoint.state.value("modality", "volume") != "volume") {
    throw ConfigError(str_cat("'", checkpoint.origin,
                              "' was trained on photographs: predict is for ",
                              "scans"));
  }
}

std::string weights_digest(const trainer::TensorMap& weights) {
  uint32_t crc = 0;
  for (const auto& [name, tensor] : weights) {
    const torch::Tensor bytes = tensor.contiguous();
    crc = crc32c(as_bytes(name), crc);
    crc = crc32c({static_cast<const std::byte*>(bytes.data_ptr()),
                  static_cast<size_t>(bytes.nbytes())},
                 crc);
  }
  return hex(crc, 8);
}

trainer::SegmentConfig segment_config(const PredictOptions& options,
                                      const ScoredCheckpoint& checkpoint) {
  const trainer::SegmentConfig config =
      with_defaults(options.segment, checkpoint.run.resolved_window());
  config.validate("");
  return config;
}

Json made_with(const PredictOptions& options,
               const ScoredCheckpoint& checkpoint, const std::string& recipe) {
  Json json = {{"weights", options.weights},
               {"weights_crc32c", weights_digest(checkpoint.weights)},
               {"network", checkpoint.model.network},
               {"classes", checkpoint.classes},
               {"recipe", recipe},
               {"part", options.scans.part},
               {"axes", options.scans.axes}};
  if (trainer::is_for_segmentation(checkpoint.model)) {
    const auto config = segment_config(options, checkpoint);
    json["window"] = config.window.window;
    json["stride"] = config.window.resolved_stride();
    json["window_weights"] = config.window.weights;
    json["flips"] = config.window.flips;
    json["resample"] = config.resample;
    json["keep"] = config.keep;
  }
  if (checkpoint.run.task.kind == "detection") {
    json["slice_step"] = options.slice_step;
  }
  return json;
}

std::unique_ptr<trainer::ScanPredictor> make_detector(
    const PredictOptions& options, const ScoredCheckpoint& checkpoint,
    const torch::Device& device) {
  const std::shared_ptr<trainer::Task> task = trainer::make_task(
      checkpoint.run, checkpoint.model, checkpoint.classes, device);
  load_into(task->model(), checkpoint);
  task->model().eval();
  auto* detection = dynamic_cast<trainer::DetectionTask*>(task.get());
  VOXLIFT_CHECK(detection != nullptr, "a task of detection");
  return trainer::make_box_predictor(
      [task, detection](const trainer::Batch& batch) {
        return detection->detect(batch);
      },
      checkpoint.classes,
      {.slices = checkpoint.run.slices,
       .slice_step = options.slice_step,
       .device = device});
}

std::unique_ptr<trainer::ScanPredictor> make_predictor(
    const PredictOptions& options, const ScoredCheckpoint& checkpoint,
    const torch::Device& device) {
  if (checkpoint.run.task.kind == "detection") {
    return make_detector(options, checkpoint, device);
  }
  const trainer::Network network =
      trainer::make_network(checkpoint.model, checkpoint.run.run.seed);
  load_into(*network.module, checkpoint);
  network.module->to(device);
  network.module->eval();
  const auto forward = [network, device](const torch::Tensor& x_NCDHW) {
    return network.forward(x_NCDHW.to(device));
  };
  if (trainer::is_for_segmentation(checkpoint.model)) {
    return trainer::make_mask_predictor(forward, checkpoint.classes,
                                        segment_config(options, checkpoint));
  }
  return trainer::make_class_predictor(forward, checkpoint.classes,
                                       checkpoint.run.volume);
}

int report_outcome(const trainer::PredictOutcome& outcome,
                   const PredictOptions& options,
                   const trainer::Communicator& control) {
  if (control.rank() == 0) {
    std::cout << "predicted " << outcome.done << " scans (" << outcome.kept
              << " kept from before) into " << options.scans.out << "\n";
  }
  if (outcome.failed.empty()) {
    return 0;
  }
  if (control.rank() == 0) {
    std::cerr << "voxlift predict: DataError: " << outcome.failed.size()
              << " scans could not be read: " << str_join(outcome.failed, ", ")
              << "\n";
  }
  return static_cast<int>(ExitCode::kData);
}

int predict_as_rank(const PredictOptions& options,
                    trainer::Communicator& control) {
  RealFiles files;
  const RealClock clock;
  trainer::set_compute_threads(options.threads);
  const torch::Device device =
      trainer::choose_device(options.device, local_rank_of(control));
  control.set_deadlines(
      {.first_deadline_s = kPatience_s, .deadline_s = kPatience_s});
  const ScoredCheckpoint checkpoint =
      load_scored_checkpoint(files, options.weights, control);
  trainer::PredictPlan plan;
  std::unique_ptr<trainer::ScanPredictor> predictor;
  trainer::run_alike(control, [&] {
    check_modality(checkpoint);
    const std::string recipe = recipe_text(options, checkpoint);
    plan.out = options.scans.out;
    plan.made_with = made_with(options, checkpoint, recipe);
    plan.recipe = dataio::parse_recipe(recipe);
    plan.transform = checkpoint.run.volume;
    predictor = make_predictor(options, checkpoint, device);
  });
  plan.scans = list_scans_alike(options.scans, control);
  return report_outcome(
      trainer::run_predictions(plan, *predictor, files, control, clock),
      options, control);
}

int run_predict(std::span<const std::string> args) {
  PredictOptions options;
  OptionBinder binder("voxlift predict");
  bind(binder, options);
  if (wants_help(args)) {
    print_help(binder);
    return 0;
  }
  const auto comm = open_communicator({});
  return run_ranks(*comm, "voxlift predict", [&] {
    trainer::run_alike(*comm, [&] {
      binder.parse(args);
      options.validate();
    });
    return trainer::with_torch_errors(
        [&] { return predict_as_rank(options, *comm); });
  });
}

}  // namespace

Command predict_command() {
  return {"predict", "apply a trained network to scans", run_predict};
}

}  // namespace voxlift::launcher
