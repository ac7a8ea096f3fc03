#pragma once
// The trace of a run's first steps, as a file.

#include <cstdint>
#include <string>

#include "base/files.h"
#include "trainer/report/trace.h"

namespace voxlift::trainer {

// Publishes the trace after so many steps: the first ones build up memory, the
// later ones look alike. One thread.
class TraceFile {
 public:
  static constexpr int64_t kSteps = 5;

  // An empty `path`: no trace. `files` and `clock` must outlive this.
  TraceFile(Files& files, const Clock& clock, std::string path, int rank);

  // Where spans go; null without a path and when the steps are done.
  Trace* trace() { return done_ ? nullptr : &trace_; }

  // One more step has ended. Throws IoError.
  void end_step();

  // Publishes what there is, unless it has been. Throws IoError.
  void finish();

 private:
  Files& files_;
  std::string path_;
  Trace trace_;
  int64_t steps_ = 0;
  bool done_;
};

}  // namespace voxlift::trainer
