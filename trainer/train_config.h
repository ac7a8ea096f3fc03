#pragma once
// Everything that a training run can be told. Sections of the configuration are
// the members' names; launcher/cli/train_options.cpp binds them.

#include <cstdint>
#include <string>

#include "dataio/transform/photo_transform.h"
#include "dataio/transform/slices_transform.h"
#include "dataio/transform/volume_transform.h"
#include "trainer/checkpoint/checkpoint_config.h"
#include "trainer/comm/communicator.h"
#include "trainer/detection/detector_config.h"
#include "trainer/model/classifier.h"
#include "trainer/optim/ema.h"
#include "trainer/optim/optimizer.h"
#include "trainer/optim/schedule.h"
#include "trainer/reduce/gradient_reducer.h"
#include "trainer/task/classification.h"
#include "trainer/task/segmentation.h"
#include "trainer/watch/watch_config.h"
#include "trainer/weights/convert.h"

namespace voxlift::trainer {

struct RunConfig {
  std::string out;  // Folder of checkpoints, log and result.
  uint64_t seed = 0;
  int64_t epochs = 100;
  int64_t max_steps = 0;  // Stop after this many steps; 0: run all epochs.
  // Compute threads per rank. Sums inside convolutions depend on it: runs that
  // are to agree bit for bit need the same number.
  int64_t threads = 1;
  std::string device = "auto";  // "auto", "cpu" or "cuda".
  // Of the forward pass: "float32", "bf16" or "fp16" (GPU only). Weights, norms
  // and losses are always float32.
  std::string precision = "float32";
  std::string loss_scale = "none";  // trainer/optim/loss_scale.h.
  // Layout of activations: "contiguous" or "channels_last" (model/conv.h).
  std::string memory_format = "contiguous";
  // How the way of each convolution is chosen: "probe" (measured, or remembered
  // from an earlier run on such a machine) or "rules" (model/conv_ways.h). A
  // run that goes on keeps the ways of its checkpoint.
  std::string conv = "probe";
  // Folder of what is remembered; "auto": voxlift in the user's cache folder.
  std::string conv_memory = "auto";
  // A step with a loss or gradient that is not finite is skipped; so many of
  // them in a row end the run.
  int64_t max_nonfinite = 10;
  // File for a trace of rank 0's first steps (Chrome's format); empty: none.
  std::string trace;
  // When whoever has lent the machines takes them back, in seconds since 1970;
  // 0: never. The run stops with a checkpoint before a step that could not be
  // saved by then, leaving end_margin_s for the way out.
  int64_t end_time = 0;
  double end_margin_s = 30.0;
  // Deliberate failures (trainer/fault.h): "kill@step=7,rank=1;hang@...".
  std::string fault;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

struct DataConfig {
  std::string train;  // Folder of a packed data set (voxlift pack).
  std::string val;    // The same, for evaluation; empty: none.
  // Share of the training subjects that are used, chosen by fraction_seed
  // (sharding/subset.h); a smaller share is within a larger one.
  double fraction = 1.0;
  uint64_t fraction_seed = 0;
  bool verify_checksums = true;
  int64_t workers = 1;           // Decoding threads per rank.
  int64_t prefetch_batches = 4;  // Slot batches decoded ahead.
  // Crop sizes of photographs by epoch (trainer/input/size_schedule.h); empty:
  // photo.image_size throughout.
  std::string photo_sizes;
  // Local folder for copies of the shards, shared by the ranks of a host;
  // empty: shards are read where they are. At most stage_mb MB lie there.
  std::string stage_dir;
  int64_t stage_mb = 0;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// The global batch is slots * slot_batch samples, whatever the number of ranks.
struct BatchConfig {
  int64_t slots = 1;  // Power of two; the most ranks that can take part.
  int64_t slot_batch = 32;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

struct EvalConfig {
  int64_t every_epochs = 1;  // 0: only at the end.
  int64_t batch = 32;        // Samples per forward pass.

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// Weights to start from, unless there is a checkpoint to resume.
struct InitConfig {
  std::string weights;  // .safetensors, .pth or a checkpoint folder; or empty.
  bool load_head = false;
  // Fewer matched tensors than this share is an error, not a bad start.
  double min_matched_frac = 0.9;
  ConvertConfig convert = {};  // Of 2D and of colour networks' weights.
  // Of what has no weights: "default", "uniform" or "xavier"
  // (trainer/model/init.h).
  std::string scheme = "default";

  // `conv`: the network's model.conv. Throws ConfigError.
  void validate(const std::string& path, const std::string& conv) const;
};

struct TaskConfig {
  std::string kind = "classification";  // Or "segmentation", "detection".

  void validate(const std::string& path) const;  // Throws ConfigError.
};

struct TrainConfig {
  RunConfig run;
  TaskConfig task;
  DataConfig data;
  dataio::PhotoTransformConfig photo;
  dataio::VolumeTransformConfig volume;
  dataio::SlicesTransformConfig slices;  // Of detection.
  ModelConfig model;
  BatchConfig batch;
  ReducerConfig reduce;
  ClassificationConfig loss;
  SegmentationConfig segmentation;
  DetectorConfig detector;
  // What a network for segmentation sees of a whole scan at once; a window of
  // 0,0,0 is as large as a training crop.
  SlidingWindowConfig window = {.window = {0, 0, 0}, .flips = {}};
  OptimizerOptions optimizer;  // Sections optim, sgd, adam and lars.
  EmaConfig ema;
  ScheduleConfig schedule;
  CheckpointConfig checkpoint;
  EvalConfig eval;
  InitConfig init;
  CommConfig comm;
  WatchConfig watch;

  SlidingWindowConfig resolved_window() const;

  // Checks every section. Throws ConfigError naming section.field, the value
  // and the legal ones.
  void validate() const;
};

}  // namespace voxlift::trainer
