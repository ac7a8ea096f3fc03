#include "trainer/watch/watch_config.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

constexpr double kBackstopS = 30.0;

void require(bool good, const char* key, double value, const char* what) {
  if (!good) {
    throw ConfigError(str_cat(key, " = ", value, ": must be ", what));
  }
}

void require_seconds(double seconds, const char* key) {
  require(std::isfinite(seconds) && seconds > 0.0, key, seconds,
          "more than 0 seconds");
}

}  // namespace

void WatchConfig::validate() const {
  require(std::isfinite(heartbeat_s) && heartbeat_s >= 0.0, "comm.heartbeat_s",
          heartbeat_s, "at least 0 seconds (0: no watch)");
  require_seconds(silent_s, "comm.silent_s");
  require_seconds(long_deadline_s, "comm.long_deadline_s");
  require(heartbeat_port >= 0 && heartbeat_port <= 65535, "comm.heartbeat_port",
          static_cast<double>(heartbeat_port), "in [0, 65535]");
  require(std::isfinite(straggler_factor) && straggler_factor > 1.0,
          "watch.straggler_factor", straggler_factor, "more than 1");
  require(straggler_steps >= 1, "watch.straggler_steps",
          static_cast<double>(straggler_steps), "at least 1");
}

double beat_interval_s(const WatchConfig& config, const CommConfig& comm) {
  constexpr double kBeatsInALimit = 8.0;
  constexpr double kShortestS = 0.05;
  const double limit_s = std::min(config.silent_s, comm.deadline_s);
  return std::min(config.heartbeat_s,
                  std::max(kShortestS, limit_s / kBeatsInALimit));
}

double quiet_limit_s(double beat_s) {
  return 3.5 * beat_s;
}

CommConfig backstop_deadlines(const WatchConfig& config,
                              const CommConfig& comm) {
  const double last_s = std::max(comm.deadline_s, config.long_deadline_s);
  CommConfig backstop = comm;
  backstop.deadline_s = last_s + kBackstopS;
  backstop.first_deadline_s =
      std::max(comm.first_deadline_s, last_s) + kBackstopS;
  return backstop;
}

}  // namespace voxlift::trainer
