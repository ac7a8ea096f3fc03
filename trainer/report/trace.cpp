#include "trainer/report/trace.h"

namespace voxlift::trainer {
namespace {

constexpr double kMicrosecondsPerS = 1e6;

}  // namespace

Trace::Trace(const Clock& clock, int rank)
    : clock_(clock), rank_(rank), origin_s_(clock.now_s()) {}

void Trace::add(const std::string& name, const std::string& track,
                double start_s, double end_s) {
  const std::scoped_lock lock(mutex_);
  events_.push_back({{"name", name},
                     {"ph", "X"},
                     {"ts", (start_s - origin_s_) * kMicrosecondsPerS},
                     {"dur", (end_s - start_s) * kMicrosecondsPerS},
                     {"pid", rank_},
                     {"tid", track}});
}

Json Trace::to_json() const {
  const std::scoped_lock lock(mutex_);
  return {{"traceEvents", events_}, {"displayTimeUnit", "ms"}};
}

}  // namespace voxlift::trainer
