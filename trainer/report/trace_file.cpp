#include "trainer/report/trace_file.h"

#include <utility>

namespace voxlift::trainer {

TraceFile::TraceFile(Files& files, const Clock& clock, std::string path,
                     int rank)
    : files_(files),
      path_(std::move(path)),
      trace_(clock, rank),
      done_(path_.empty()) {}

void TraceFile::end_step() {
  if (!done_ && ++steps_ == kSteps) {
    finish();
  }
}

void TraceFile::finish() {
  if (!done_) {
    done_ = true;
    files_.publish(path_, trace_.to_json().dump() + "\n");
  }
}

}  // namespace voxlift::trainer
