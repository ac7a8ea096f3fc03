#include "launcher/cli/train_options.h"

#include "launcher/cli/detection_options.h"

namespace voxlift::launcher {
namespace {

void bind_run(OptionBinder& binder, trainer::RunConfig& run) {
  binder.add("run.out", run.out, "folder for checkpoints, log and result");
  binder.add("run.seed", run.seed, "every random draw depends on it");
  binder.add("run.epochs", run.epochs, "passes over the training data");
  binder.add("run.max_steps", run.max_steps, "end after so many steps; 0: all");
  binder.add("run.threads", run.threads, "compute threads per rank");
  binder.add("run.device", run.device, "auto, cpu or cuda");
  binder.add("run.precision", run.precision,
             "of the forward pass: float32, bf16 or fp16 (GPU only)");
  binder.add("run.loss_scale", run.loss_scale,
             "none, a power of two, or dynamic");
  binder.add("run.conv", run.conv,
             "ways of convolutions: probe (measured) or rules");
  binder.add("run.conv_memory", run.conv_memory,
             "folder of measured ways; auto: in the user's cache");
  binder.add("run.memory_format", run.memory_format,
             "of activations: contiguous or channels_last");
  binder.add("run.max_nonfinite", run.max_nonfinite,
             "so many steps in a row with a loss or gradient that is not "
             "finite end the run");
  binder.add("run.trace", run.trace,
             "file for a trace of the first steps, for ui.perfetto.dev");
  binder.add("run.end_time", run.end_time,
             "end of the allocation, in seconds since 1970; 0: none");
  binder.add("run.end_margin_s", run.end_margin_s,
             "seconds left over at run.end_time");
  binder.add("run.fault", run.fault,
             "fail on purpose (--fault): kill@step=7,rank=1;hang@... "
             "(docs/failures.md)");
}

void bind_data(OptionBinder& binder, trainer::DataConfig& data) {
  binder.add("data.train", data.train, "packed data set to train on");
  binder.add("data.val", data.val, "packed data set to evaluate on");
  binder.add("data.fraction", data.fraction,
             "share of the training subjects that are used, of every class");
  binder.add("data.fraction_seed", data.fraction_seed,
             "which of them; smaller shares are within larger ones");
  binder.add("data.verify_checksums", data.verify_checksums,
             "check each sample's CRC-32C when it is read");
  binder.add("data.workers", data.workers, "decoding threads per rank");
  binder.add("data.prefetch_batches", data.prefetch_batches,
             "slot batches decoded ahead");
  binder.add("photo.sizes", data.photo_sizes,
             "sides of a training crop by epoch, 0:128,30:160; empty: "
             "photo.image_size");
  binder.add("data.stage_dir", data.stage_dir,
             "folder on a local disk for copies of the shards; empty: none");
  binder.add("data.stage_mb", data.stage_mb,
             "most that may lie in data.stage_dir, MB");
}

void bind_photo(OptionBinder& binder, dataio::PhotoTransformConfig& photo) {
  binder.add("data.exact_decode", photo.exact_decode,
             "decode whole photographs at full size; slower");
  binder.add("photo.image_size", photo.image_size, "side of a training crop");
  binder.add("photo.min_area_frac", photo.min_area_frac,
             "least share of the picture in a random crop");
  binder.add("photo.max_area_frac", photo.max_area_frac,
             "largest share of the picture in a random crop");
  binder.add("photo.flip_prob", photo.flip_prob, "horizontal flip");
  binder.add("photo.channel_shuffle_prob", photo.channel_shuffle_prob,
             "random order of the three planes");
  binder.add("photo.eval_resize_short", photo.eval_resize_short,
             "short side before the centre crop of an evaluation");
  binder.add("photo.mean", photo.mean, "subtracted from every plane");
  binder.add("photo.std", photo.std, "divides every plane");
}

void bind_volume_crop(OptionBinder& binder,
                      dataio::VolumeTransformConfig& volume) {
  binder.add("volume.shape", volume.shape, "depth,height,width of a sample");
  binder.add("volume.fit", volume.fit, "crop or resize");
  binder.add("volume.crop", volume.crop, "center (with max_shift) or uniform");
  binder.add("volume.max_shift", volume.max_shift,
             "random shift of the crop, in voxels per axis");
  binder.add("volume.foreground_frac", volume.foreground_frac,
             "share of the crops around a voxel of the mask's foreground");
  binder.add("volume.min_zoom", volume.min_zoom, "least random magnification");
  binder.add("volume.max_zoom", volume.max_zoom,
             "largest random magnification");
  binder.add("volume.zoom_axes", volume.zoom_axes, "inplane, same or free");
  binder.add("volume.outside", volume.outside,
             "beyond the scan: zero (after normalisation) or min");
  binder.add("volume.min_box_frac", volume.min_box_frac,
             "boxes of which less is left are dropped");
}

void bind_volume_augment(OptionBinder& binder,
                         dataio::VolumeTransformConfig& volume) {
  binder.add("volume.random_rot90", volume.random_rot90,
             "random quarter turns in each plane");
  binder.add("volume.rot90_planes", volume.rot90_planes,
             "planes of the quarter turns, of dh,dw,hw");
  binder.add("volume.random_flip", volume.random_flip, "random flip");
  binder.add("volume.flip_depth_prob", volume.flip_depth_prob,
             "further mirroring of depth");
  binder.add("volume.flip_height_prob", volume.flip_height_prob,
             "further mirroring of height");
  binder.add("volume.flip_width_prob", volume.flip_width_prob,
             "further mirroring of width");
  binder.add("volume.elastic_prob", volume.elastic.prob,
             "share of deformed samples");
  binder.add("volume.elastic_points", volume.elastic.points,
             "control points per axis");
  binder.add("volume.elastic_max_voxels", volume.elastic.max_voxels,
             "largest displacement of a control point");
  binder.add("volume.jitter_gamma", volume.jitter.gamma,
             "largest exponent of the random gamma; 1: none");
  binder.add("volume.jitter_scale", volume.jitter.scale,
             "random factor 1 +- this");
  binder.add("volume.jitter_shift", volume.jitter.shift,
             "random offset +- this, after normalisation");
  binder.add("volume.jitter_noise", volume.jitter.noise,
             "largest deviation of Gaussian noise");
}

void bind_volume(OptionBinder& binder, dataio::VolumeTransformConfig& volume) {
  bind_volume_crop(binder, volume);
  bind_volume_augment(binder, volume);
  binder.add("volume.clip_low", volume.clip_low, "before normalisation");
  binder.add("volume.clip_high", volume.clip_high, "before normalisation");
  binder.add("volume.normalize", volume.normalize,
             "zscore, fixed, minmax or none");
  binder.add("volume.mean", volume.mean, "for volume.normalize = fixed");
  binder.add("volume.std", volume.std, "for volume.normalize = fixed");
}

}  // namespace

void bind_model_options(OptionBinder& binder, trainer::ModelConfig& model) {
  auto& resnet = model.resnet;
  binder.add("model.network", model.network,
             "resnet3d (classification), unet3d (segmentation), p3d or mp3d "
             "(detection)");
  binder.add("model.depth", resnet.depth,
             "18, 34, 50, 101 or 152; p3d and mp3d: 18ba, 34ba, 18, 63, 131 "
             "or 199");
  binder.add("model.classes", model.classes,
             "outputs; 0: as many as the data set has");
  binder.add("model.dropout", model.dropout, "before the head");
  binder.add(
      "model.head_channels", model.head_channels,
      "width before the last layer of unet3d, lidc_seg; 0: as published");
  binder.add("model.conversion", model.conversion,
             "how mp3d ends depth: center_crop, groupconv or conv3d");
  binder.add("model.slices", model.slices, "depth of an input of mp3d");
  binder.add("model.norm", resnet.norm.kind,
             "bn, syncbn (over all slots) or gn");
  binder.add("model.groups", resnet.norm.groups, "groups of gn");
  binder.add("model.in_channels", resnet.in_channels, "channels of a volume");
  binder.add("model.stem_channels", resnet.stem_channels, "width of the stem");
  binder.add("model.base_channels", resnet.base_channels,
             "width of the first stage");
  binder.add("model.depth_stride", resnet.depth_stride,
             "strides reach the depth axis");
  binder.add("model.stem_stride", resnet.stem_stride,
             "false: no stride and no pool in the stem");
  binder.add("model.shortcut", resnet.shortcut,
             "B (convolution) or A (no parameters)");
  binder.add("model.style", resnet.style, "pytorch or caffe");
  binder.add("model.deep_stem", resnet.deep_stem,
             "three 3x3x3 convolutions instead of one 7x7x7");
  binder.add("model.avg_down", resnet.avg_down,
             "average pool in strided shortcuts");
  binder.add("model.checkpoint_activations", resnet.checkpoint_activations,
             "less memory: stages are computed again in backward");
  binder.add("model.zero_init_residual", resnet.zero_init_residual,
             "blocks start as the identity");
  binder.add("model.conv", resnet.conv,
             "conv3d; kernels of 2D networks: acs or 2.5d");
  binder.add("model.force_downsample", resnet.force_downsample,
             "a shortcut convolution in the first block, as in early files");
}

namespace {

void bind_segmentation(OptionBinder& binder, trainer::TrainConfig& config) {
  auto& [ce_weight, dice_weight, focal_weight, focal_gamma, smoothing, dice,
         surface_scores, tolerance_mm, lesion_min_iou] = config.segmentation;
  binder.add("segmentation.ce_weight", ce_weight, "of the cross entropy");
  binder.add("segmentation.dice_weight", dice_weight, "of the Dice loss");
  binder.add("segmentation.focal_weight", focal_weight, "of the focal loss");
  binder.add("segmentation.focal_gamma", focal_gamma, "its exponent");
  binder.add("segmentation.label_smoothing", smoothing, "of the cross entropy");
  binder.add("segmentation.dice_background", dice.background,
             "the background counts in the Dice loss");
  binder.add("segmentation.dice_squared", dice.squared,
             "the Dice loss divides by sums of squares");
  binder.add("segmentation.dice_smooth", dice.smooth,
             "added above and below the line of the Dice loss");
  binder.add("segmentation.surface_scores", surface_scores,
             "evaluations tell HD95 and surface Dice, too");
  binder.add("segmentation.surface_tolerance_mm", tolerance_mm,
             "of the surface Dice");
  binder.add("segmentation.lesion_min_iou", lesion_min_iou,
             "overlap from which on a lesion is found");
}

void bind_window(OptionBinder& binder, trainer::SlidingWindowConfig& window) {
  binder.add("window.shape", window.window,
             "depth,height,width that a network sees of a scan at once; "
             "0,0,0: volume.shape");
  binder.add("window.stride", window.stride,
             "from one window to the next; 0,0,0: half a window");
  binder.add("window.weights", window.weights, "gaussian or count");
  binder.add("window.flips", window.flips,
             "axes of test-time mirroring, of d, h and w");
  binder.add("window.batch", window.batch, "windows per forward pass");
}

void bind_batch(OptionBinder& binder, trainer::TrainConfig& config) {
  binder.add("batch.slots", config.batch.slots,
             "power of two; the most ranks that can take part");
  binder.add("batch.slot_batch", config.batch.slot_batch,
             "samples per slot: the global batch is slots times this");
  binder.add("reduce.reduction", config.reduce.reduction,
             "exact (same bits on any number of ranks) or fast");
  binder.add("reduce.compress", config.reduce.compress,
             "gradients between ranks: none, or bf16 (half the bytes; needs "
             "reduction fast)");
  binder.add("reduce.bucket_mb", config.reduce.bucket_mb,
             "size of a gradient bucket, MB; 0: measured at start-up");
}

void bind_optimizer(OptionBinder& binder, trainer::TrainConfig& config) {
  auto& schedule = config.schedule;
  binder.add("loss.label_smoothing", config.loss.label_smoothing,
             "share of the target spread over all classes");
  binder.add("loss.threshold", config.loss.threshold,
             "of two classes: probability above which a case is of class 1");
  binder.add("schedule.lr", schedule.lr, "base learning rate");
  binder.add("schedule.base_batch", schedule.base_batch,
             "the rate is lr times global batch / this; 0: lr as it is");
  binder.add("schedule.kind", schedule.kind, "cosine, step, poly or constant");
  binder.add("schedule.unit", schedule.unit,
             "the rate moves per epoch or per step");
  binder.add("schedule.min_lr", schedule.min_lr, "end of cosine and poly");
  binder.add("schedule.power", schedule.power, "exponent of poly");
  binder.add("schedule.milestones", schedule.milestones,
             "epochs at which step multiplies by gamma");
  binder.add("schedule.gamma", schedule.gamma, "factor at a milestone");
  binder.add("schedule.warmup_steps", schedule.warmup_steps,
             "steps of linear warm-up");
  binder.add("schedule.warmup_epochs", schedule.warmup_epochs,
             "epochs of linear warm-up, instead of warmup_steps");
  binder.add("schedule.warmup_factor", schedule.warmup_factor,
             "share of the rate at the first step");
}

void bind_update(OptionBinder& binder, trainer::TrainConfig& config) {
  auto& [optim, sgd, adam, lars] = config.optimizer;
  binder.add("optim.kind", optim.kind, "sgd, adam, adamw or lars");
  binder.add("optim.decay_norms_biases", optim.decay_norms_biases,
             "weight decay on norms and biases, too (never with lars)");
  binder.add("optim.clip_norm", optim.clip_norm,
             "largest norm of the whole gradient; 0: any");
  binder.add("sgd.momentum", sgd.momentum, "of sgd and lars");
  binder.add("sgd.weight_decay", sgd.weight_decay, "L2 term of sgd and lars");
  binder.add("sgd.nesterov", sgd.nesterov, "look-ahead momentum of sgd");
  binder.add("adam.beta1", adam.beta1, "decay of the mean gradient");
  binder.add("adam.beta2", adam.beta2, "decay of the mean square");
  binder.add("adam.epsilon", adam.epsilon, "added to the root of it");
  binder.add("adam.weight_decay", adam.weight_decay,
             "L2 term of adam, decoupled in adamw");
  binder.add("lars.trust", lars.trust, "coefficient of the layer-wise rate");
  binder.add("ema.decay", config.ema.decay,
             "of a running mean of the weights; 0: none");
  binder.add("ema.evaluate", config.ema.evaluate,
             "evaluations in a run use that mean");
}

void bind_checkpoint(OptionBinder& binder,
                     trainer::CheckpointConfig& checkpoint) {
  binder.add("checkpoint.every_steps", checkpoint.every_steps,
             "steps between checkpoints; 0: not by steps");
  binder.add("checkpoint.every_minutes", checkpoint.every_minutes,
             "minutes between checkpoints; 0: not by time");
  binder.add("checkpoint.keep", checkpoint.keep, "newest checkpoints kept");
  binder.add("checkpoint.keep_best", checkpoint.keep_best,
             "so many with the best scores stay, too");
  binder.add("checkpoint.metric", checkpoint.metric,
             "the score that says which is best");
  binder.add("checkpoint.metric_mode", checkpoint.metric_mode,
             "max, min or auto (min for losses and errors)");
  binder.add("checkpoint.max_failures", checkpoint.max_failures,
             "so many in a row not written end the run");
  binder.add("checkpoint.align_kb", checkpoint.align_kb,
             "ranks' parts of a file begin at multiples of this");
}

void bind_rest(OptionBinder& binder, trainer::TrainConfig& config) {
  binder.add("eval.every_epochs", config.eval.every_epochs,
             "epochs between evaluations; 0: only at the end");
  binder.add("eval.batch", config.eval.batch, "samples per forward pass");
  binder.add("init.weights", config.init.weights,
             ".safetensors, .pth, checkpoint or finished run to start from");
  binder.add("init.load_head", config.init.load_head,
             "take the head from init.weights, too");
  binder.add("init.min_matched_frac", config.init.min_matched_frac,
             "fewer matched tensors than this are an error");
  binder.add("init.convert", config.init.convert.convert,
             "2D kernels as i3d, acs (with model.conv = acs) or 2.5d; none");
  binder.add("init.rgb", config.init.convert.rgb,
             "three input channels as one: sum, mean or none");
  binder.add("init.scheme", config.init.scheme,
             "start of the backbone's convolutions: default, uniform, xavier");
  binder.add("comm.first_deadline_s", config.comm.first_deadline_s,
             "longest wait for peers in the first collective");
  binder.add("comm.deadline_s", config.comm.deadline_s,
             "longest wait for peers in later ones");
}

void bind_watch(OptionBinder& binder, trainer::WatchConfig& watch) {
  binder.add("comm.heartbeat_s", watch.heartbeat_s,
             "seconds between heartbeats of the ranks; 0: none");
  binder.add("comm.silent_s", watch.silent_s,
             "a rank without heartbeats for so long is lost");
  binder.add("comm.long_deadline_s", watch.long_deadline_s,
             "longest wait for a rank that evaluates or keeps a checkpoint");
  binder.add("comm.interface", watch.interface,
             "rank 0's network interface for heartbeats; empty: any");
  binder.add("comm.heartbeat_port", watch.heartbeat_port,
             "rank 0's TCP port for heartbeats; 0: a free one");
  binder.add("watch.straggler_factor", watch.straggler_factor,
             "ranks slower than the median by this factor are named");
  binder.add("watch.straggler_steps", watch.straggler_steps,
             "steps over which a rank's own time is averaged");
}

}  // namespace

void bind_train_options(OptionBinder& binder, trainer::TrainConfig& config) {
  bind_run(binder, config.run);
  binder.add("task.kind", config.task.kind,
             "classification, segmentation or detection");
  bind_data(binder, config.data);
  bind_photo(binder, config.photo);
  bind_volume(binder, config.volume);
  bind_model_options(binder, config.model);
  bind_segmentation(binder, config);
  bind_window(binder, config.window);
  bind_slices(binder, config.slices);
  bind_detector(binder, config.detector);
  bind_batch(binder, config);
  bind_optimizer(binder, config);
  bind_checkpoint(binder, config.checkpoint);
  bind_update(binder, config);
  bind_rest(binder, config);
  bind_watch(binder, config.watch);
}

}  // namespace voxlift::launcher
