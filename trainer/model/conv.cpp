#include "trainer/model/conv.h"

#include "trainer/model/conv_ways.h"

namespace voxlift::trainer {

Conv3dImpl::Conv3dImpl(const ConvOptions& options) : options_(options) {
  const auto& k = options.kernel;
  weight = register_parameter(
      "weight",
      torch::empty({options.out_channels, options.in_channels / options.groups,
                    k[0], k[1], k[2]}));
  if (options.bias) {
    bias = register_parameter("bias", torch::zeros({options.out_channels}));
  }
}

torch::Tensor Conv3dImpl::forward(const torch::Tensor& x_NCDHW) {
  if (folding_wins(x_NCDHW, options_)) {
    return folded_conv3d(x_NCDHW, weight, bias, options_);
  }
  return torch::conv3d(x_NCDHW, weight, bias, options_.stride, options_.padding,
                       options_.dilation, options_.groups);
}

}  // namespace voxlift::trainer
