#include "trainer/model/conv.h"

#include "base/error.h"
#include "base/strings.h"
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
  if (format_ == torch::MemoryFormat::ChannelsLast3d) {
    return torch::conv3d(x_NCDHW.contiguous(format_), weight, bias,
                         options_.stride, options_.padding, options_.dilation,
                         options_.groups);
  }
  if (folding_wins(x_NCDHW, options_)) {
    return folded_conv3d(x_NCDHW, weight, bias, options_);
  }
  return torch::conv3d(x_NCDHW, weight, bias, options_.stride, options_.padding,
                       options_.dilation, options_.groups);
}

void check_memory_format(const std::string& name, const std::string& key) {
  if (name != "contiguous" && name != "channels_last") {
    throw ConfigError(str_cat(key, " = '", name,
                              "': must be 'contiguous' or 'channels_last'"));
  }
}

void set_memory_format(torch::nn::Module& model, const std::string& name) {
  const auto format = name == "channels_last"
                          ? torch::MemoryFormat::ChannelsLast3d
                          : torch::MemoryFormat::Contiguous;
  for (const auto& module : model.modules()) {
    if (auto* conv = module->as<Conv3dImpl>(); conv != nullptr) {
      conv->set_memory_format(format);
    }
  }
}

}  // namespace voxlift::trainer
