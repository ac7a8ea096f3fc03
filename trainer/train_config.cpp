#include "trainer/train_config.h"

#include <bit>

#include "base/error.h"
#include "base/strings.h"
#include "sharding/subset.h"
#include "trainer/autocast.h"
#include "trainer/fault.h"
#include "trainer/input/size_schedule.h"
#include "trainer/optim/loss_scale.h"

namespace voxlift::trainer {
namespace {

constexpr int64_t kMaxStageMb = 1'000'000'000'000;  // In bytes, an int64_t.

void require_at_least(int64_t value, int64_t least, const std::string& key) {
  if (value < least) {
    throw ConfigError(str_cat(key, " = ", value, ": must be at least ", least));
  }
}

void require_given(const std::string& value, const std::string& key,
                   const char* what) {
  if (value.empty()) {
    throw ConfigError(str_cat(key, " is not set: give ", what));
  }
}

}  // namespace

void RunConfig::validate(const std::string& path) const {
  require_given(out, path + "out", "the folder for checkpoints and results");
  require_at_least(epochs, 1, path + "epochs");
  require_at_least(max_steps, 0, path + "max_steps");
  require_at_least(threads, 1, path + "threads");
  require_at_least(end_time, 0, path + "end_time");
  if (!(end_margin_s >= 0.0)) {
    throw ConfigError(
        str_cat(path, "end_margin_s = ", end_margin_s, ": must be at least 0"));
  }
  if (device != "auto" && device != "cpu" && device != "cuda") {
    throw ConfigError(str_cat(path, "device = '", device,
                              "': must be 'auto', 'cpu' or 'cuda'"));
  }
  check_precision(precision, path + "precision");
  const LossScale scale(loss_scale, path + "loss_scale");
  check_memory_format(memory_format, path + "memory_format");
  if (conv != "probe" && conv != "rules") {
    throw ConfigError(
        str_cat(path, "conv = '", conv, "': must be 'probe' or 'rules'"));
  }
  require_at_least(max_nonfinite, 1, path + "max_nonfinite");
  parse_faults(fault, path + "fault");
}

void DataConfig::validate(const std::string& path) const {
  require_given(train, path + "train", "the folder of a packed data set");
  sharding::SubsetConfig{fraction, fraction_seed}.validate(path);
  require_at_least(workers, 1, path + "workers");
  require_at_least(prefetch_batches, 1, path + "prefetch_batches");
  const SizeSchedule sizes(photo_sizes, "photo.sizes");
  require_at_least(stage_mb, stage_dir.empty() ? 0 : 1, path + "stage_mb");
  if (stage_mb > kMaxStageMb) {
    throw ConfigError(str_cat(path, "stage_mb = ", stage_mb,
                              ": must be at most ", kMaxStageMb));
  }
}

void BatchConfig::validate(const std::string& path) const {
  require_at_least(slots, 1, path + "slots");
  require_at_least(slot_batch, 1, path + "slot_batch");
  if (!std::has_single_bit(static_cast<uint64_t>(slots))) {
    const auto below =
        static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(slots)));
    throw ConfigError(str_cat(path, "slots = ", slots,
                              ": must be a power of two, such as ", below,
                              " or ", 2 * below));
  }
}

void EvalConfig::validate(const std::string& path) const {
  require_at_least(every_epochs, 0, path + "every_epochs");
  require_at_least(batch, 1, path + "batch");
}

void InitConfig::validate(const std::string& path,
                          const std::string& conv) const {
  if (scheme != "default" && scheme != "uniform" && scheme != "xavier") {
    throw ConfigError(str_cat(path, "scheme = '", scheme,
                              "': must be default, uniform or xavier"));
  }
  convert.validate(path, conv);
  if (!(min_matched_frac >= 0.0 && min_matched_frac <= 1.0)) {
    throw ConfigError(str_cat(path, "min_matched_frac = ", min_matched_frac,
                              ": must be in [0, 1]"));
  }
}

void TaskConfig::validate(const std::string& path) const {
  if (kind != "classification" && kind != "segmentation" &&
      kind != "detection") {
    throw ConfigError(
        str_cat(path, "kind = '", kind,
                "': must be 'classification', 'segmentation' or 'detection'"));
  }
}

SlidingWindowConfig TrainConfig::resolved_window() const {
  SlidingWindowConfig resolved = window;
  if (window.window == dataio::Shape3{0, 0, 0}) {
    resolved.window = volume.shape;
  }
  return resolved;
}

void TrainConfig::validate() const {
  task.validate("task.");
  if (task.kind == "segmentation" && volume.fit == "resize") {
    throw ConfigError(
        "volume.fit = 'resize' with task.kind = 'segmentation': whole scans "
        "are scored at their own size, use 'crop'; resize them in the pack "
        "recipe");
  }
  run.validate("run.");
  data.validate("data.");
  photo.validate("photo");
  volume.validate("volume");
  slices.validate("slices");
  model.validate("model.");
  batch.validate("batch.");
  reduce.validate("reduce.");
  loss.validate("loss.");
  segmentation.validate("segmentation.");
  detector.validate("detector.");
  resolved_window().validate("window.");
  optimizer.validate();
  ema.validate("ema.");
  schedule.validate("schedule.");
  checkpoint.validate("checkpoint.");
  eval.validate("eval.");
  init.validate("init.", model.resnet.conv);
  comm.validate("comm");
  watch.validate();
}

}  // namespace voxlift::trainer
