#include "trainer/model/genesis_unet3d.h"

#include <array>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/model/dropout.h"
#include "trainer/model/init.h"

namespace voxlift::trainer {
namespace {

// The published names count the channels of the published width.
constexpr std::array<const char*, 4> kDown = {"down_tr64", "down_tr128",
                                              "down_tr256", "down_tr512"};
constexpr std::array<const char*, 3> kUp = {"up_tr256", "up_tr128", "up_tr64"};
constexpr int64_t kMultiple = 8;  // Of the axes of an input: three pools of 2.

// The layers as `level.ops.{0,1}`.
void register_level(torch::nn::Module& level,
                    const std::vector<GenesisLayer>& layers) {
  torch::nn::ModuleList ops;
  for (const GenesisLayer& layer : layers) {
    ops->push_back(layer);
  }
  level.register_module("ops", ops);
}

// The four levels, registered in `parent`.
std::vector<std::vector<GenesisLayer>> make_down(
    torch::nn::Module& parent, const GenesisOptions& options) {
  std::vector<std::vector<GenesisLayer>> levels;
  for (size_t s = 0; s < kDown.size(); ++s) {
    const int64_t width = options.base_channels << s;
    levels.push_back({GenesisLayer(s == 0 ? options.in_channels : width, width),
                      GenesisLayer(width, 2 * width)});
    auto level = std::make_shared<torch::nn::Module>();
    register_level(*level, levels.back());
    parent.register_module(kDown[s], level);
  }
  return levels;
}

torch::Tensor run(std::vector<GenesisLayer>& layers, torch::Tensor x_NCDHW) {
  for (GenesisLayer& layer : layers) {
    x_NCDHW = layer->forward(x_NCDHW);
  }
  return x_NCDHW;
}

std::vector<torch::Tensor> run_down(
    std::vector<std::vector<GenesisLayer>>& levels, torch::Tensor x_NCDHW) {
  for (int64_t axis = 2; axis < x_NCDHW.dim(); ++axis) {
    if (x_NCDHW.size(axis) % kMultiple != 0) {
      throw ConfigError(str_cat("model.network = 'genesis_unet3d': an axis of ",
                                x_NCDHW.size(axis),
                                " voxels is no multiple of ", kMultiple));
    }
  }
  std::vector<torch::Tensor> outputs;
  for (auto& level : levels) {
    x_NCDHW = run(level,
                  outputs.empty() ? x_NCDHW : torch::max_pool3d(x_NCDHW, 2, 2));
    outputs.push_back(x_NCDHW);
  }
  return outputs;
}

void fill_all(torch::nn::Module& model, uint64_t seed) {
  constexpr double kHeadDeviation = 0.01;
  fill_vectors(model);
  for (auto& item : model.named_parameters()) {
    const torch::Tensor& weight = item.value();
    if (weight.dim() == 2) {
      fill_normal(weight, item.key(), seed, kHeadDeviation);
    } else if (weight.dim() > 2) {
      fill_uniform(weight, item.key(), seed, 1.0 / std::sqrt(fan_in(weight)));
    }
  }
}

}  // namespace

torch::Tensor UntrackedNormImpl::forward(const torch::Tensor& x_NC) {
  if (is_training()) {
    return BatchNormImpl::forward(x_NC);
  }
  return torch::instance_norm(x_NC.to(weight.scalar_type()), weight, bias, {},
                              {}, /*use_input_stats=*/true, 0.0, kNormEpsilon,
                              true)
      .to(x_NC.dtype());
}

GenesisLayerImpl::GenesisLayerImpl(int64_t in_channels, int64_t out_channels)
    : conv_(register_module("conv1",
                            Conv3d(ConvOptions{.in_channels = in_channels,
                                               .out_channels = out_channels,
                                               .kernel = cube(3),
                                               .padding = cube(1),
                                               .bias = true}))),
      norm_(register_module(
          "bn1", std::make_shared<UntrackedNormImpl>(out_channels))) {}

torch::Tensor GenesisLayerImpl::forward(const torch::Tensor& x_NCDHW) {
  return norm_->forward(conv_->forward(x_NCDHW)).relu_();
}

GenesisEncoderImpl::GenesisEncoderImpl(const GenesisOptions& options)
    : levels_(make_down(*this, options)),
      out_channels_(2 * (options.base_channels << (kDown.size() - 1))) {}

std::vector<torch::Tensor> GenesisEncoderImpl::forward(torch::Tensor x_NCDHW) {
  return run_down(levels_, std::move(x_NCDHW));
}

GenesisUNet3DImpl::GenesisUNet3DImpl(const GenesisOptions& options)
    : down_(make_down(*this, options)) {
  for (size_t i = 0; i < kUp.size(); ++i) {
    // Channels of the deeper level, and of the skip: half as many.
    const int64_t deep = 2 * (options.base_channels << (kUp.size() - i));
    const int64_t width = deep / 2;
    Up up = {.up_conv = torch::nn::ConvTranspose3d(
                 torch::nn::ConvTranspose3dOptions(deep, deep, 2).stride(2)),
             .layers = {GenesisLayer(deep + width, width),
                        GenesisLayer(width, width)}};
    auto level = std::make_shared<torch::nn::Module>();
    level->register_module("up_conv", up.up_conv);
    register_level(*level, up.layers);
    register_module(kUp[i], level);
    up_.push_back(std::move(up));
  }
  final_conv_ = Conv3d(ConvOptions{.in_channels = 2 * options.base_channels,
                                   .out_channels = options.classes,
                                   .bias = true});
  auto out = std::make_shared<torch::nn::Module>();
  out->register_module("final_conv", final_conv_);
  register_module("out_tr", out);
}

torch::Tensor GenesisUNet3DImpl::forward(const torch::Tensor& x_NCDHW) {
  const std::vector<torch::Tensor> levels = run_down(down_, x_NCDHW);
  torch::Tensor y = levels.back();
  for (size_t i = 0; i < up_.size(); ++i) {
    const torch::Tensor& skip = levels[levels.size() - 2 - i];
    y = run(up_[i].layers, torch::cat({up_[i].up_conv->forward(y), skip}, 1));
  }
  return final_conv_->forward(y);
}

GenesisClassifierImpl::GenesisClassifierImpl(const GenesisOptions& options)
    : dropout_(options.dropout),
      backbone_(register_module("backbone", GenesisEncoder(options))) {
  auto head = std::make_shared<torch::nn::Module>();
  fc_ = head->register_module(
      "fc", torch::nn::Linear(backbone_->out_channels(), options.classes));
  register_module("head", head);
}

torch::Tensor GenesisClassifierImpl::features(const torch::Tensor& x_NCDHW) {
  return backbone_->forward(x_NCDHW).back();
}

torch::Tensor GenesisClassifierImpl::forward(const torch::Tensor& x_NCDHW) {
  const torch::Tensor pooled_NC = features(x_NCDHW).mean({2, 3, 4});
  return fc_->forward(dropout_ > 0.0 && is_training()
                          ? dropout(pooled_NC, dropout_)
                          : pooled_NC);
}

void initialize(GenesisUNet3DImpl& model, uint64_t seed) {
  fill_all(model, seed);
}

void initialize(GenesisClassifierImpl& model, uint64_t seed) {
  fill_all(model, seed);
}

}  // namespace voxlift::trainer
