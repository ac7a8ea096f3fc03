#pragma once
// How much memory tensors take while something is computed.

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <cstdint>
#include <memory>

namespace voxlift::trainer {

// Counts the bytes of tensors that are made, and freed again, while a Scope of
// this lives on a thread, on whatever device, and on the threads on which
// autograd then works for it. What libraries allocate past LibTorch (oneDNN's
// and cuDNN's scratch) is not seen.
class TensorMemory {
 public:
  TensorMemory();

  // Counts on this thread. Cost: a lock per allocation.
  class Scope {
   public:
    explicit Scope(const TensorMemory& memory);

   private:
    c10::DebugInfoGuard guard_;
  };

  // The most that there was at once.
  int64_t peak_bytes() const;

 private:
  class Counter;
  std::shared_ptr<Counter> counter_;
};

}  // namespace voxlift::trainer
