#include "trainer/model/conv_norm.h"

namespace voxlift::trainer {

ConvNormImpl::ConvNormImpl(const ConvOptions& conv, const NormOptions& norm)
    : conv_(register_module("conv", Conv3d(conv))),
      norm_(register_module(norm_name(norm, 0),
                            make_norm(norm, conv.out_channels))) {}

torch::Tensor ConvNormImpl::forward(const torch::Tensor& x_NCDHW) {
  return norm_->forward(conv_->forward(x_NCDHW)).relu_();
}

}  // namespace voxlift::trainer
