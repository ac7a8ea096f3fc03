// In place of winograd_conv.cpp where the build has no oneDNN 2.x.

#include "base/error.h"
#include "trainer/model/winograd_conv.h"

namespace voxlift::trainer {

bool admits_winograd(const ConvCall& /*call*/) {
  return false;
}

torch::Tensor winograd_conv3d(const torch::Tensor& /*x_NCDHW*/,
                              const torch::Tensor& /*weight*/,
                              const torch::Tensor& /*bias*/,
                              const ConvOptions& /*options*/) {
  throw InternalError("this build has no oneDNN");
}

}  // namespace voxlift::trainer
