#include "launcher/cli/step_options.h"

namespace voxlift::launcher {
namespace {

void bind_execution(OptionBinder& binder, StepOptions& args) {
  auto& run = args.trial.train.run;
  binder.add("threads", run.threads, "compute threads per rank");
  binder.add("device", run.device, "auto, cpu or cuda");
  binder.add("precision", run.precision, "float32, bf16 or fp16 (GPU only)");
  binder.add("loss-scale", run.loss_scale, "none, a power of two, or dynamic");
  binder.add("conv", run.conv, "ways of convolutions: probe or rules");
  binder.add("channels-last", args.channels_last,
             "layout of activations: (N, D, H, W, C)");
}

}  // namespace

StepOptions::StepOptions() {
  trial.train.model.classes = 1000;
  trial.train.batch = {.slots = 0, .slot_batch = 4};
}

void bind_step(OptionBinder& binder, StepOptions& args) {
  trainer::StepTrialConfig& config = args.trial;
  auto& train = config.train;
  auto& resnet = train.model.resnet;
  binder.add("task", train.task.kind,
             "classification, segmentation or detection");
  binder.add("network", train.model.network,
             "as model.network of voxlift train");
  binder.add("depth", resnet.depth, "as model.depth of voxlift train");
  binder.add("norm", resnet.norm.kind, "bn or gn");
  binder.add("stem-channels", resnet.stem_channels, "width of the stem");
  binder.add("base-channels", resnet.base_channels, "of the first stage");
  binder.add("depth-stride", resnet.depth_stride, "strides reach the depth");
  binder.add("classes", train.model.classes, "outputs");
  binder.add("shape", config.shape, "depth,height,width of a sample");
  binder.add("slots", train.batch.slots, "0: one per rank");
  binder.add("slot-batch", train.batch.slot_batch, "samples per slot");
  binder.add("reduction", train.reduce.reduction, "exact or fast");
  binder.add("compress", train.reduce.compress, "none or bf16 (with fast)");
  binder.add("bucket-mb", train.reduce.bucket_mb, "of a gradient bucket");
  bind_execution(binder, args);
}

void bind_timing(OptionBinder& binder, trainer::StepTrialConfig& config) {
  binder.add("warmup", config.warmup, "steps that are not timed");
  binder.add("steps", config.steps, "timed steps");
  binder.add("alone", config.alone,
             "alternate with steps that do not communicate");
  binder.add("roofline", config.watch_operators,
             "a table of one more step: time, FLOP and bytes by operation");
}

void resolve(StepOptions& args, int ranks) {
  auto& train = args.trial.train;
  if (train.batch.slots == 0) {
    train.batch.slots = ranks;
  }
  train.run.memory_format = args.channels_last ? "channels_last" : "contiguous";
  train.model.slices = args.trial.shape[0];
  train.slices.num_slices = args.trial.shape[0];
  args.trial.validate();
}

}  // namespace voxlift::launcher
