#pragma once
// A span of a Trace that lasts as long as a scope.

#include <string>
#include <utility>

#include "trainer/report/trace.h"

namespace voxlift::trainer {

class TraceSpan {
 public:
  // Nothing happens where `trace` is null.
  TraceSpan(Trace* trace, std::string name)
      : trace_(trace),
        name_(std::move(name)),
        start_s_(trace == nullptr ? 0.0 : trace->now_s()) {}

  ~TraceSpan() {
    if (trace_ != nullptr) {
      trace_->add(name_, "compute", start_s_, trace_->now_s());
    }
  }

  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;

 private:
  Trace* trace_;
  std::string name_;
  double start_s_;
};

}  // namespace voxlift::trainer
