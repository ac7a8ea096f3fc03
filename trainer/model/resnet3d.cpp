#include "trainer/model/resnet3d.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/model/pool.h"
#include "trainer/model/recompute.h"
#include "trainer/model/sync_norm.h"

namespace voxlift::trainer {
namespace {

const std::map<std::string, std::array<int64_t, 4>>& stage_lengths() {
  static const std::map<std::string, std::array<int64_t, 4>> kLengths = {
      {"18", {2, 2, 2, 2}},
      {"34", {3, 4, 6, 3}},
      {"50", {3, 4, 6, 3}},
      {"101", {3, 4, 23, 3}},
      {"152", {3, 8, 36, 3}}};
  return kLengths;
}

bool is_bottleneck(const ResNet3DOptions& options) {
  return options.depth != "18" && options.depth != "34";
}

// `stride` in plane; in depth only where the options say so.
Triple spatial_stride(const ResNet3DOptions& options, int64_t stride) {
  return {options.depth_stride ? stride : 1, stride, stride};
}

ConvOptions conv_of(int64_t in, int64_t out, int64_t kernel,
                    const Triple& stride, int64_t dilation = 1) {
  return {.in_channels = in,
          .out_channels = out,
          .kernel = cube(kernel),
          .stride = stride,
          .padding = cube(kernel / 2 * dilation),
          .dilation = cube(dilation)};
}

template <typename T>
void require(bool ok, const std::string& key, const T& value,
             const char* legal) {
  if (!ok) {
    throw ConfigError(str_cat(key, " = ", value, ": must be ", legal));
  }
}

}  // namespace

void ResNet3DOptions::validate(const std::string& path) const {
  require(stage_lengths().contains(depth), path + "depth", depth,
          "18, 34, 50, 101 or 152");
  require(in_channels >= 1, path + "in_channels", in_channels, "at least 1");
  require(stem_channels >= 2, path + "stem_channels", stem_channels,
          "at least 2");
  require(base_channels >= 1, path + "base_channels", base_channels,
          "at least 1");
  require(shortcut == "A" || shortcut == "B", path + "shortcut", shortcut,
          "A or B");
  require(style == "pytorch" || style == "caffe", path + "style", style,
          "pytorch or caffe");
  require(conv == "conv3d" || conv == "acs" || conv == "2.5d", path + "conv",
          conv, "conv3d, acs or 2.5d");
  require(!force_downsample || shortcut == "B", path + "force_downsample",
          "true", "false with shortcut = A, which has no parameters");
  for (size_t s = 0; s < strides.size(); ++s) {
    require(strides[s] >= 1, path + "strides", strides[s], "at least 1");
    require(dilations[s] >= 1, path + "dilations", dilations[s], "at least 1");
  }
  norm.validate(path);
  require(!checkpoint_activations || norm.kind != "syncbn",
          path + "checkpoint_activations", "true",
          "false with norm = 'syncbn': its slots meet in forward");
}

// ---- ResidualBlock ----

int64_t ResidualBlockImpl::expansion(const ResNet3DOptions& options) {
  return is_bottleneck(options) ? 4 : 1;
}

ResidualBlockImpl::ResidualBlockImpl(const ResNet3DOptions& options,
                                     const Place& place)
    : stride_(place.stride), out_channels_(place.width * expansion(options)) {
  const int64_t width = place.width;
  if (is_bottleneck(options)) {
    const bool caffe = options.style == "caffe";
    add_layer(options, conv_of(place.in_channels, width, 1,
                               caffe ? place.stride : cube(1)));
    add_layer(options, conv_of(width, width, 3, caffe ? cube(1) : place.stride,
                               place.dilation));
    add_layer(options, conv_of(width, out_channels_, 1, cube(1)));
  } else {
    add_layer(options, conv_of(place.in_channels, width, 3, place.stride,
                               place.dilation));
    add_layer(options, conv_of(width, width, 3, cube(1)));
  }
  build_shortcut(options, place);
}

void ResidualBlockImpl::add_layer(const ResNet3DOptions& options,
                                  const ConvOptions& conv) {
  const int number = static_cast<int>(convs_.size()) + 1;
  convs_.push_back(register_module(str_cat("conv", number),
                                   Conv3d(of_kind(options.conv, conv))));
  norms_.push_back(register_module(norm_name(options.norm, number),
                                   make_norm(options.norm, conv.out_channels)));
}

void ResidualBlockImpl::build_shortcut(const ResNet3DOptions& options,
                                       const Place& place) {
  const bool is_identity =
      place.stride == cube(1) && place.in_channels == out_channels_;
  if (is_identity && !(options.force_downsample && place.is_first)) {
    return;
  }
  if (options.shortcut == "A") {
    pad_channels_ = true;
    return;
  }
  downsample_ = torch::nn::Sequential();
  if (options.avg_down) {
    const torch::ExpandingArray<3> window(
        std::vector<int64_t>(place.stride.begin(), place.stride.end()));
    downsample_->push_back(
        torch::nn::AvgPool3d(torch::nn::AvgPool3dOptions(window)
                                 .stride(window)
                                 .ceil_mode(true)
                                 .count_include_pad(false)));
  }
  downsample_->push_back(Conv3d(of_kind(
      options.conv, conv_of(place.in_channels, out_channels_, 1,
                            options.avg_down ? cube(1) : place.stride))));
  append_norm(downsample_, options.norm, out_channels_);
  register_module("downsample", downsample_);
}

torch::Tensor ResidualBlockImpl::shortcut(const torch::Tensor& x_NCDHW) {
  if (!downsample_.is_empty()) {
    return downsample_->forward(x_NCDHW);
  }
  if (!pad_channels_) {
    return x_NCDHW;
  }
  torch::Tensor y = x_NCDHW;
  for (int64_t axis = 0; axis < 3; ++axis) {
    y = y.slice(axis + 2, 0, y.size(axis + 2),
                stride_[static_cast<size_t>(axis)]);
  }
  const int64_t missing = out_channels_ - y.size(1);
  return torch::constant_pad_nd(y, {0, 0, 0, 0, 0, 0, 0, missing});
}

torch::Tensor ResidualBlockImpl::forward(const torch::Tensor& x_NCDHW) {
  torch::Tensor y = x_NCDHW;
  for (size_t i = 0; i < convs_.size(); ++i) {
    y = norms_[i]->forward(convs_[i]->forward(y));
    if (i + 1 < convs_.size()) {
      y = y.relu_();
    }
  }
  return y.add_(shortcut(x_NCDHW)).relu_();
}

// ---- ResNet3D ----

ResNet3DImpl::ResNet3DImpl(const ResNet3DOptions& options) : options_(options) {
  options.validate("model.");
  build_stem();
  build_stages();
}

void ResNet3DImpl::build_stem() {
  const Triple stride = spatial_stride(options_, options_.stem_stride ? 2 : 1);
  pool_stride_ = spatial_stride(options_, 2);
  const int64_t channels = options_.stem_channels;
  if (!options_.deep_stem) {
    stem_convs_.push_back(register_module(
        "conv1", Conv3d(of_kind(options_.conv, conv_of(options_.in_channels,
                                                       channels, 7, stride)))));
    stem_norms_.push_back(register_module(norm_name(options_.norm, 1),
                                          make_norm(options_.norm, channels)));
    return;
  }
  const std::array<int64_t, 4> widths = {options_.in_channels, channels / 2,
                                         channels / 2, channels};
  torch::nn::ModuleList layers;
  for (size_t i = 0; i < 3; ++i) {
    auto layer = std::make_shared<torch::nn::Module>();
    stem_convs_.push_back(layer->register_module(
        "conv",
        Conv3d(of_kind(options_.conv, conv_of(widths[i], widths[i + 1], 3,
                                              i == 0 ? stride : cube(1))))));
    stem_norms_.push_back(layer->register_module(
        norm_name(options_.norm, 0), make_norm(options_.norm, widths[i + 1])));
    layers->push_back(layer);
  }
  register_module("stem", layers);
}

void ResNet3DImpl::build_stages() {
  const auto& lengths = stage_lengths().at(options_.depth);
  int64_t in_channels = options_.stem_channels;
  for (size_t s = 0; s < lengths.size(); ++s) {
    torch::nn::Sequential stage;
    std::vector<ResidualBlock> blocks;
    for (int64_t i = 0; i < lengths[s]; ++i) {
      const ResidualBlockImpl::Place place = {
          .in_channels = in_channels,
          .width = options_.base_channels << s,
          .stride = spatial_stride(options_, i == 0 ? options_.strides[s] : 1),
          .dilation = options_.dilations[s],
          .is_first = s == 0 && i == 0};
      blocks.emplace_back(options_, place);
      stage->push_back(blocks.back());
      in_channels = place.width * ResidualBlockImpl::expansion(options_);
    }
    register_module(str_cat("layer", s + 1), stage);
    stages_.push_back(std::move(blocks));
  }
}

std::vector<int64_t> ResNet3DImpl::all_channels() const {
  std::vector<int64_t> channels = {options_.stem_channels};
  for (size_t s = 0; s < stages_.size(); ++s) {
    channels.push_back((options_.base_channels << s) *
                       ResidualBlockImpl::expansion(options_));
  }
  return channels;
}

torch::Tensor ResNet3DImpl::stem(torch::Tensor x_NCDHW) {
  for (size_t i = 0; i < stem_convs_.size(); ++i) {
    if (i > 0) {
      x_NCDHW = x_NCDHW.relu_();
    }
    x_NCDHW = stem_norms_[i]->forward(stem_convs_[i]->forward(x_NCDHW));
  }
  return x_NCDHW;
}

torch::Tensor ResNet3DImpl::pool(const torch::Tensor& x_NCDHW) const {
  if (!options_.stem_stride && !options_.stem_pool) {
    return x_NCDHW;
  }
  return max_pool_3x3x3(x_NCDHW, pool_stride_);
}

torch::Tensor ResNet3DImpl::run_blocks(std::vector<ResidualBlock>& blocks,
                                       torch::Tensor x_NCDHW) {
  for (auto& block : blocks) {
    x_NCDHW = block->forward(x_NCDHW);
  }
  return x_NCDHW;
}

std::vector<torch::Tensor> ResNet3DImpl::forward(torch::Tensor x_NCDHW,
                                                 torch::Tensor* stem_output) {
  if (x_NCDHW.dim() == 4) {
    x_NCDHW = x_NCDHW.unsqueeze(1);
  }
  torch::Tensor y = stem(x_NCDHW);
  if (stem_output != nullptr) {
    y = y.relu_();
    *stem_output = y;
    y = pool(y);
  } else {
    // The largest of ReLUs is the ReLU of the largest: a quarter of the work or
    // less, and the large map need not be kept for backward.
    y = pool(y).relu_();
  }
  std::vector<torch::Tensor> outputs;
  for (auto& stage : stages_) {
    y = options_.checkpoint_activations && is_training()
            ? recompute_in_backward(
                  [&stage](const torch::Tensor& x) {
                    return run_blocks(stage, x);
                  },
                  y)
            : run_blocks(stage, y);
    outputs.push_back(y);
  }
  return outputs;
}

std::vector<NormImpl*> ResNet3DImpl::residual_norms() {
  std::vector<NormImpl*> norms;
  for (auto& stage : stages_) {
    for (auto& block : stage) {
      norms.push_back(&block->last_norm());
    }
  }
  return norms;
}

void zero_residual_norms(ResNet3DImpl& model) {
  const torch::NoGradGuard no_grad;
  if (model.options().zero_init_residual) {
    for (NormImpl* norm : model.residual_norms()) {
      norm->weight.zero_();
    }
  }
}

}  // namespace voxlift::trainer
