#include "launcher/cli/predict_options.h"

#include "base/error.h"
#include "base/strings.h"
#include "dataio/recipe/recipe.h"
#include "launcher/cli/command_help.h"

namespace voxlift::launcher {

trainer::SegmentConfig segment_config_for(
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

void PredictOptions::validate() const {
  scans.validate();
  overlay.validate("");
  trainer::SlidingWindowConfig any;
  any.window = {INT32_MAX, INT32_MAX, INT32_MAX};
  segment_config_for(segment, any).validate("");
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

void bind_predict_options(OptionBinder& binder, PredictOptions& options) {
  auto& window = options.segment.window;
  binder.add("weights", options.weights,
             "a run's folder (its newest good checkpoint), a step_* folder, or "
             "a .safetensors or .pth file");
  binder.add("train-config", options.train_config,
             "of a weight file: a training's configuration");
  binder.add("classes", options.classes,
             "of a weight file: the classes' names");
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
  binder.add("cam", options.cam,
             "of classification: write the class activation map of this "
             "class; best: of the predicted one");
  binder.add("overlay", options.overlay.draw,
             "also draw masks or boxes on slices, as PNG");
  binder.add("overlay-window", options.overlay.window,
             "black,white of the slices drawn; empty: chosen");
  binder.add("overlay-min-score", options.overlay.min_score,
             "least score of a box that is drawn");
  binder.add("threads", options.threads, "compute threads per rank");
  binder.add("device", options.device, "auto, cpu or cuda");
  binder.require("weights");
  binder.require("in");
  binder.require("out");
}

void print_predict_help(const OptionBinder& binder) {
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
        "scores --cam best"}},
      binder);
}

}  // namespace voxlift::launcher
