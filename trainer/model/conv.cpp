#include "trainer/model/conv.h"

#include <vector>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/model/acs_conv.h"

namespace voxlift::trainer {

namespace {

std::vector<int64_t> weight_shape(const ConvOptions& options) {
  std::vector<int64_t> shape = {options.out_channels,
                                options.in_channels / options.groups};
  shape.insert(shape.end(), options.kernel.begin() + (options.acs ? 1 : 0),
               options.kernel.end());
  return shape;
}

}  // namespace

ConvOptions of_kind(const std::string& conv, ConvOptions options) {
  options.acs = conv == "acs";
  if (conv == "2.5d") {
    options.kernel[0] = 1;
    options.padding[0] = 0;
    options.dilation[0] = 1;
  }
  return options;
}

Conv3dImpl::Conv3dImpl(const ConvOptions& options) : options_(options) {
  weight = register_parameter("weight", torch::empty(weight_shape(options)));
  if (options.bias) {
    bias = register_parameter("bias", torch::zeros({options.out_channels}));
  }
}

torch::Tensor Conv3dImpl::forward(const torch::Tensor& x_NCDHW) {
  if (options_.acs) {
    return acs_conv3d(x_NCDHW, weight, bias, options_);
  }
  if (format_ == torch::MemoryFormat::ChannelsLast3d) {
    return torch::conv3d(x_NCDHW.contiguous(format_), weight, bias,
                         options_.stride, options_.padding, options_.dilation,
                         options_.groups);
  }
  const ConvWay& way =
      choose_(call_of(x_NCDHW, options_), x_NCDHW.requires_grad());
  return way.compute(x_NCDHW, weight, bias, options_);
}

ConvOptions plane_conv(int64_t in_channels, int64_t out_channels, int64_t k) {
  return {.in_channels = in_channels,
          .out_channels = out_channels,
          .kernel = {1, k, k},
          .padding = {0, k / 2, k / 2},
          .bias = true};
}

PlaneConvImpl::PlaneConvImpl(const ConvOptions& options) : options_(options) {
  weight = register_parameter(
      "weight", torch::empty({options.out_channels, options.in_channels,
                              options.kernel[1], options.kernel[2]}));
  bias = register_parameter("bias", torch::zeros({options.out_channels}));
}

torch::Tensor PlaneConvImpl::forward(const torch::Tensor& x_NCHW) {
  const torch::Tensor x_NCDHW = x_NCHW.unsqueeze(2);
  const ConvWay& way =
      choose_(call_of(x_NCDHW, options_), x_NCHW.requires_grad());
  return way.compute(x_NCDHW, weight.unsqueeze(2), bias, options_).squeeze(2);
}

const ConvWay& choose_by_rule(const ConvCall& call, bool /*x_needs_gradient*/) {
  return rule_for(call);
}

void set_way_chooser(torch::nn::Module& model, const WayChooser& choose) {
  for (const auto& module : model.modules()) {
    if (auto* conv = module->as<Conv3dImpl>(); conv != nullptr) {
      conv->set_way_chooser(choose);
    } else if (auto* plane = module->as<PlaneConvImpl>(); plane != nullptr) {
      plane->set_way_chooser(choose);
    }
  }
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
