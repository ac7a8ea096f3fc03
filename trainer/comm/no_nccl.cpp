// NcclComm in a build without NCCL.

#include "base/error.h"
#include "trainer/comm/nccl_comm.h"

namespace voxlift::trainer {

bool nccl_available() {
  return false;
}

std::unique_ptr<Communicator> make_nccl_comm(Communicator& /*bootstrap*/,
                                             const NcclOptions& /*options*/,
                                             const CommConfig& /*config*/) {
  throw ConfigError(
      "this voxlift is built without NCCL: build it where a CUDA toolkit with "
      "NCCL is found (-DVOXLIFT_NCCL=ON)");
}

}  // namespace voxlift::trainer
