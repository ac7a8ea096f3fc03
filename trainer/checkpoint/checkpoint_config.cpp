#include "trainer/checkpoint/checkpoint_config.h"

#include <cmath>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

constexpr int64_t kMaxAlignKb = 1 << 20;

void require_at_least(int64_t value, int64_t least, const std::string& name) {
  if (value < least) {
    throw ConfigError(
        str_cat(name, " = ", value, ": must be at least ", least));
  }
}

}  // namespace

void CheckpointConfig::validate(const std::string& path) const {
  require_at_least(every_steps, 0, path + "every_steps");
  require_at_least(keep, 1, path + "keep");
  require_at_least(keep_best, 0, path + "keep_best");
  require_at_least(max_failures, 1, path + "max_failures");
  require_at_least(align_kb, 1, path + "align_kb");
  if (align_kb > kMaxAlignKb) {
    throw ConfigError(str_cat(path, "align_kb = ", align_kb,
                              ": must be at most ", kMaxAlignKb));
  }
  if (!(every_minutes >= 0.0) || std::isinf(every_minutes)) {
    throw ConfigError(str_cat(path, "every_minutes = ", every_minutes,
                              ": must be at least 0"));
  }
  if (metric_mode != "auto" && metric_mode != "max" && metric_mode != "min") {
    throw ConfigError(str_cat(path, "metric_mode = '", metric_mode,
                              "': must be 'auto', 'max' or 'min'"));
  }
}

}  // namespace voxlift::trainer
