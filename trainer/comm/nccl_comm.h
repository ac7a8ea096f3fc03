#pragma once
// Ranks with one GPU each, device memory, over NCCL.

#include <memory>

#include "trainer/comm/communicator.h"

namespace voxlift::trainer {

// False where voxlift was built without NCCL; make_nccl_comm then throws.
bool nccl_available();

struct NcclOptions {
  int device = 0;  // CUDA ordinal of this rank's GPU.
  // The stream that produces what is sent (a cudaStream_t; null is the default
  // stream). Collectives start after what is queued on it now, on a stream of
  // their own, and have finished when the call returns.
  void* compute_stream = nullptr;
};

// COLLECTIVE over `bootstrap` (host memory), which carries NCCL's unique id and
// must outlive nothing: it is used here only. The communicator is non-blocking:
// every call polls until its deadline, then ncclCommAbort and CommError.
// Throws ConfigError in a build without NCCL, CommError if NCCL refuses.
std::unique_ptr<Communicator> make_nccl_comm(Communicator& bootstrap,
                                             const NcclOptions& options,
                                             const CommConfig& config);

}  // namespace voxlift::trainer
