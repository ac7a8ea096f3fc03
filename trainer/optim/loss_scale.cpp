#include "trainer/optim/loss_scale.h"

#include <algorithm>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

constexpr double kFirst = 65536.0;
constexpr double kLargest = 16777216.0;  // 2^24.
constexpr int64_t kGrowAfter = 2000;

}  // namespace

LossScale::LossScale(const std::string& text, const std::string& key) {
  if (text == "none") {
    return;
  }
  if (text == "dynamic") {
    dynamic_ = true;
    value_ = kFirst;
    return;
  }
  const int64_t number = parse_int(text).value_or(0);
  if (number < 1 || (number & (number - 1)) != 0 ||
      static_cast<double>(number) > kLargest) {
    throw ConfigError(str_cat(key, " = '", text,
                              "': must be 'none', 'dynamic' or a power of two "
                              "up to 16777216"));
  }
  value_ = static_cast<double>(number);
}

void LossScale::restore(double value, int64_t good_steps) {
  if (dynamic_) {
    value_ = std::clamp(value, 1.0, kLargest);
    good_steps_ = good_steps;
  }
}

void LossScale::took_step() {
  if (dynamic_ && ++good_steps_ == kGrowAfter) {
    value_ = std::min(2.0 * value_, kLargest);
    good_steps_ = 0;
  }
}

bool LossScale::lower() {
  good_steps_ = 0;
  if (!dynamic_ || value_ <= 1.0) {
    return false;
  }
  value_ /= 2.0;
  return true;
}

}  // namespace voxlift::trainer
