#include "trainer/tensor_memory.h"

#include <torch/version.h>

#include <algorithm>
#include <mutex>

namespace voxlift::trainer {

#if TORCH_VERSION_MAJOR >= 2
using TotalBytes = size_t;
#else
using TotalBytes = int64_t;
#endif

// What LibTorch's allocators report to.
class TensorMemory::Counter : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void* /*block*/, int64_t bytes,
                         TotalBytes /*total_allocated*/,
                         TotalBytes /*total_reserved*/,
                         c10::Device /*device*/) override {
    const std::lock_guard lock(mutex_);
    now_bytes_ += bytes;  // Less than 0 where a block is freed.
    peak_bytes_ = std::max(peak_bytes_, now_bytes_);
  }

  bool memoryProfilingEnabled() const override { return true; }

  int64_t peak_bytes() const {
    const std::lock_guard lock(mutex_);
    return peak_bytes_;
  }

 private:
  mutable std::mutex mutex_;
  int64_t now_bytes_ = 0;
  int64_t peak_bytes_ = 0;
};

TensorMemory::TensorMemory() : counter_(std::make_shared<Counter>()) {}

TensorMemory::Scope::Scope(const TensorMemory& memory)
    : guard_(c10::DebugInfoKind::PROFILER_STATE, memory.counter_) {}

int64_t TensorMemory::peak_bytes() const {
  return counter_->peak_bytes();
}

}  // namespace voxlift::trainer
