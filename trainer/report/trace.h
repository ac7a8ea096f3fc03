#pragma once
// What a rank did when, for chrome://tracing and ui.perfetto.dev.

#include <cstdint>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/json.h"

namespace voxlift::trainer {

// Collects spans; to_json() is a file of the Trace Event Format ("Trace Event
// Format", Google, complete events). Any thread.
class Trace {
 public:
  // `clock` must outlive this.
  Trace(const Clock& clock, int rank);

  double now_s() const { return clock_.now_s(); }

  // `track` is a row of the picture: "compute", "communication".
  void add(const std::string& name, const std::string& track, double start_s,
           double end_s);

  Json to_json() const;

 private:
  const Clock& clock_;
  int rank_;
  double origin_s_;
  mutable std::mutex mutex_;
  Json events_ = Json::array();
};

}  // namespace voxlift::trainer
