#include "launcher/cli/predict_command.h"

#include <iostream>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/strings.h"
#include "launcher/cli/predict_options.h"
#include "launcher/cli/rank_frame.h"
#include "launcher/cli/scored_checkpoint.h"
#include "launcher/cli/scored_file.h"
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
      segment_config_for(options.segment, checkpoint.run.resolved_window());
  config.validate("");
  return config;
}

// Empty where nothing is drawn.
std::string overlay_text(const trainer::OverlayConfig& overlay) {
  return overlay.draw
             ? str_cat(Json(overlay.window).dump(), " ", overlay.min_score)
             : "";
}

Json made_with(const PredictOptions& options,
               const ScoredCheckpoint& checkpoint, const std::string& recipe) {
  Json json = {{"weights", options.weights},
               {"weights_crc32c", weights_digest(checkpoint.weights)},
               {"network", checkpoint.model.network},
               {"classes", checkpoint.classes},
               {"recipe", recipe},
               {"cam", options.cam},
               {"overlay", overlay_text(options.overlay)},
               {"train_config", checkpoint.state.value("train_config", "")},
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
       .device = device,
       .overlay = options.overlay});
}

// With inputs from the CPU.
trainer::PooledClassifier on_device(trainer::PooledClassifier classifier,
                                    const torch::Device& device) {
  classifier.features = [features = classifier.features,
                         device](const torch::Tensor& x_NCDHW) {
    return features(x_NCDHW.to(device));
  };
  return classifier;
}

// Options that another task's network would have nothing for.
void check_wishes(const PredictOptions& options,
                  const ScoredCheckpoint& checkpoint) {
  const std::string& task = checkpoint.run.task.kind;
  const std::string does = str_cat(": '", checkpoint.origin, "' does ", task);
  if (!options.cam.empty() && task != "classification") {
    throw ConfigError(str_cat("cam = '", options.cam, "'", does,
                              "; class activation maps are of classification"));
  }
  if (options.overlay.draw && task == "classification") {
    throw ConfigError(str_cat("overlay = true", does,
                              "; overlays are of segmentation and detection"));
  }
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
                                        segment_config(options, checkpoint),
                                        options.overlay);
  }
  if (options.cam.empty()) {
    return trainer::make_class_predictor(forward, checkpoint.classes,
                                         checkpoint.run.volume);
  }
  return trainer::make_activation_predictor(
      on_device(trainer::pooled_classifier(network, checkpoint.model.network),
                device),
      checkpoint.classes, checkpoint.run.volume, options.cam);
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

// COLLECTIVE. What --weights names.
ScoredCheckpoint load_weights(Files& files, const PredictOptions& options,
                              trainer::Communicator& control) {
  const bool is_file =
      files.exists(options.weights) && !files.is_dir(options.weights);
  if (!is_file && options.train_config.empty() && options.classes.empty()) {
    return load_scored_checkpoint(files, options.weights, control);
  }
  ScoredCheckpoint scored;
  trainer::run_alike(control, [&] {
    if (!is_file) {
      throw ConfigError(str_cat("train-config, classes: '", options.weights,
                                "' is no file: a run tells its own ",
                                "configuration"));
    }
    if (options.train_config.empty()) {
      throw ConfigError(str_cat("'", options.weights, "' is a weight file: ",
                                "give --train-config, the configuration of ",
                                "its training"));
    }
    scored = load_scored_file(
        files, {options.weights, options.train_config, options.classes},
        control);
  });
  return scored;
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
  const ScoredCheckpoint checkpoint = load_weights(files, options, control);
  trainer::PredictPlan plan;
  std::unique_ptr<trainer::ScanPredictor> predictor;
  trainer::run_alike(control, [&] {
    check_modality(checkpoint);
    check_wishes(options, checkpoint);
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
  bind_predict_options(binder, options);
  if (wants_help(args)) {
    print_predict_help(binder);
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
