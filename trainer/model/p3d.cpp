#include "trainer/model/p3d.h"

#include <array>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/model/init.h"
#include "trainer/model/pool.h"

namespace voxlift::trainer {
namespace {

struct Depth {
  std::array<int64_t, 4> lengths;
  bool bottleneck = true;
};

const std::map<std::string, Depth>& depths() {
  static const std::map<std::string, Depth> kDepths = {
      {"18", {{2, 2, 2, 2}, true}},    {"18ba", {{2, 2, 2, 2}, false}},
      {"34ba", {{3, 4, 6, 3}, false}}, {"63", {{3, 4, 6, 3}, true}},
      {"131", {{3, 4, 23, 3}, true}},  {"199", {{3, 8, 36, 3}, true}}};
  return kDepths;
}

void require(bool ok, const std::string& message) {
  if (!ok) {
    throw ConfigError(message);
  }
}

ConvOptions point(int64_t in, int64_t out, const Triple& stride = cube(1)) {
  return {.in_channels = in, .out_channels = out, .stride = stride};
}

ConvOptions spatial(int64_t in, int64_t out, const Triple& stride = cube(1)) {
  return {.in_channels = in,
          .out_channels = out,
          .kernel = {1, 3, 3},
          .stride = stride,
          .padding = {0, 1, 1}};
}

ConvOptions temporal(int64_t in, int64_t out, const Triple& stride = cube(1)) {
  return {.in_channels = in,
          .out_channels = out,
          .kernel = {3, 1, 1},
          .stride = stride,
          .padding = {1, 0, 0}};
}

int64_t expansion(bool bottleneck) {
  return bottleneck ? 4 : 1;
}

}  // namespace

void P3dOptions::validate(const std::string& path) const {
  require(depths().contains(depth),
          str_cat(path, "depth = '", depth,
                  "': must be 18, 18ba, 34ba, 63, 131 or 199"));
  require(conversion == "center_crop" || conversion == "groupconv" ||
              conversion == "conv3d" || conversion == "keep3d",
          str_cat(path, "conversion = '", conversion,
                  "': must be center_crop, groupconv, conv3d or keep3d"));
  require(slices >= 1,
          str_cat(path, "slices = ", slices, ": must be at least 1"));
  require(in_channels >= 1,
          str_cat(path, "in_channels = ", in_channels, ": must be at least 1"));
  require(base_channels >= 1, str_cat(path, "base_channels = ", base_channels,
                                      ": must be at least 1"));
  norm.validate(path);
}

// ---- P3dBlock ----

P3dBlockImpl::P3dBlockImpl(const Place& place, const NormOptions& norm)
    : place_(place) {
  if (place.bottleneck) {
    build_bottleneck(norm);
  } else {
    build_basic(norm);
  }
  build_shortcut(norm);
}

void P3dBlockImpl::add_layer(const NormOptions& norm, const ConvOptions& conv) {
  const size_t number = convs_.size() + 1;
  convs_.push_back(register_module(str_cat("conv", number), Conv3d(conv)));
  norms_.push_back(register_module(str_cat("norm_", number),
                                   make_norm(norm, conv.out_channels)));
}

// Side by side, the first unit's temporal convolution sees the block's input
// and so strides as well.
void P3dBlockImpl::build_basic(const NormOptions& norm) {
  const int64_t in = place_.in_channels;
  const int64_t width = place_.width;
  add_layer(norm, spatial(in, width, place_.stride));
  add_layer(norm, place_.type == P3dType::kB
                      ? temporal(in, width, place_.stride)
                      : temporal(width, width));
  add_layer(norm, spatial(width, width));
  add_layer(norm, temporal(width, width));
}

void P3dBlockImpl::build_bottleneck(const NormOptions& norm) {
  const int64_t width = place_.width;
  add_layer(norm, point(place_.in_channels, width, place_.stride));
  add_layer(norm, spatial(width, width));
  add_layer(norm, temporal(width, width));
  add_layer(norm, point(width, width * expansion(true)));
}

void P3dBlockImpl::build_shortcut(const NormOptions& norm) {
  const int64_t out = place_.width * expansion(place_.bottleneck);
  if (place_.stride == cube(1) && place_.in_channels == out) {
    return;
  }
  downsample_ = torch::nn::Sequential();
  downsample_->push_back(Conv3d(point(place_.in_channels, out, place_.stride)));
  append_norm(downsample_, norm, out);
  register_module("downsample", downsample_);
}

torch::Tensor P3dBlockImpl::layer(size_t i, const torch::Tensor& x_NCDHW) {
  return norms_[i]->forward(convs_[i]->forward(x_NCDHW));
}

torch::Tensor P3dBlockImpl::unit(size_t i, const torch::Tensor& x_NCDHW) {
  const torch::Tensor in_plane = layer(i, x_NCDHW).relu_();
  switch (place_.type) {
    case P3dType::kA:
      return layer(i + 1, in_plane).relu_();
    case P3dType::kB:
      return in_plane + layer(i + 1, x_NCDHW).relu_();
    case P3dType::kC:
      return in_plane + layer(i + 1, in_plane).relu_();
  }
  throw InternalError("unknown P3D type");
}

torch::Tensor P3dBlockImpl::forward(const torch::Tensor& x_NCDHW) {
  const torch::Tensor y = place_.bottleneck
                              ? layer(3, unit(1, layer(0, x_NCDHW).relu_()))
                              : unit(2, unit(0, x_NCDHW));
  const torch::Tensor shortcut =
      downsample_.is_empty() ? x_NCDHW : downsample_->forward(x_NCDHW);
  return (y + shortcut).relu_();
}

// ---- P3dBackbone ----

P3dBackboneImpl::P3dBackboneImpl(const P3dOptions& options)
    : options_(options) {
  options.validate("model.");
  stem_ = register_module(
      "conv1_custom", Conv3d(ConvOptions{.in_channels = options.in_channels,
                                         .out_channels = options.base_channels,
                                         .kernel = {1, 7, 7},
                                         .stride = {1, 2, 2},
                                         .padding = {0, 3, 3}}));
  stem_norm_ =
      register_module("norm1", make_norm(options.norm, options.base_channels));
  build_stages();
  if (options.modified) {
    build_conversions();
  }
}

void P3dBackboneImpl::build_stages() {
  const Depth& depth = depths().at(options_.depth);
  constexpr std::array kTypes = {P3dType::kA, P3dType::kB, P3dType::kC};
  int64_t in_channels = options_.base_channels;
  size_t block_index = 0;  // Over all stages: types take turns.
  for (size_t s = 0; s < depth.lengths.size(); ++s) {
    torch::nn::Sequential stage;
    std::vector<P3dBlock> blocks;
    for (int64_t i = 0; i < depth.lengths[s]; ++i) {
      const bool strided = i == 0 && s > 0;
      const P3dBlockImpl::Place place = {
          .type = kTypes[block_index++ % kTypes.size()],
          .bottleneck = depth.bottleneck,
          .in_channels = in_channels,
          .width = options_.base_channels << s,
          .stride = strided ? Triple{1, 2, 2} : cube(1)};
      blocks.emplace_back(place, options_.norm);
      stage->push_back(blocks.back());
      in_channels = place.width * expansion(depth.bottleneck);
    }
    register_module(str_cat("layer", s + 1), stage);
    stages_.push_back(std::move(blocks));
  }
}

void P3dBackboneImpl::build_conversions() {
  const int64_t slices = options_.slices;
  const std::vector<int64_t> channels = out_channels();
  for (size_t s = 0; s < channels.size(); ++s) {
    const int64_t c = channels[s];
    auto holder = std::make_shared<torch::nn::Module>();
    if (options_.conversion == "groupconv") {
      conversion_weights_.push_back(holder->register_parameter(
          "weight", torch::zeros({c, slices, 1, 1})));
      register_module(str_cat("groupconv_", s + 1), holder);
    } else if (options_.conversion == "conv3d") {
      conversion_weights_.push_back(holder->register_parameter(
          "weight", torch::zeros({c, c, slices, 1, 1})));
      register_module(str_cat("conv3d_all_", s + 1), holder);
    }
  }
}

std::vector<int64_t> P3dBackboneImpl::out_channels() const {
  std::vector<int64_t> channels;
  for (size_t s = 0; s < stages_.size(); ++s) {
    channels.push_back((options_.base_channels << s) *
                       expansion(depths().at(options_.depth).bottleneck));
  }
  return channels;
}

torch::Tensor P3dBackboneImpl::to_2d(size_t stage,
                                     const torch::Tensor& y_NCDHW) const {
  const std::string& way = options_.conversion;
  const int64_t depth = y_NCDHW.size(2);
  if (options_.modified && way == "keep3d") {
    return y_NCDHW;
  }
  if (!options_.modified || way == "center_crop") {
    return y_NCDHW.select(2, depth / 2);
  }
  if (depth != options_.slices) {
    throw ConfigError(str_cat("model.slices = ", options_.slices,
                              ", but the input has ", depth, " slices"));
  }
  const torch::Tensor& weight = conversion_weights_[stage];
  if (way == "conv3d") {
    return torch::conv3d(y_NCDHW, weight).squeeze(2);
  }
  // y[c] = sum over d of w[c, d] x[c, d].
  return (y_NCDHW * weight.view({1, -1, depth, 1, 1})).sum(2);
}

std::vector<torch::Tensor> P3dBackboneImpl::forward(
    const torch::Tensor& x_NCDHW) {
  torch::Tensor y = stem_norm_->forward(stem_->forward(x_NCDHW));
  // The largest of ReLUs is the ReLU of the largest.
  y = options_.modified
          ? max_pool_3x3x3(y, {1, 2, 2}).relu_()
          : torch::max_pool3d(y, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}).relu_();
  std::vector<torch::Tensor> maps;
  for (size_t s = 0; s < stages_.size(); ++s) {
    for (auto& block : stages_[s]) {
      y = block->forward(y);
    }
    if (!options_.modified && s < 2) {
      y = torch::max_pool3d(y, {3, 1, 1}, {2, 1, 1}, {1, 0, 0});
    } else if (!options_.modified && s == 2) {
      y = torch::max_pool3d(y, {3, 1, 1}, {1, 1, 1}, {0, 0, 0});
    }
    maps.push_back(to_2d(s, y));
  }
  return maps;
}

void initialize(P3dBackboneImpl& model, uint64_t seed) {
  fill_vectors(model);
  for (auto& item : model.named_parameters()) {
    const std::string& name = item.key();
    const torch::Tensor& weight = item.value();
    if (weight.dim() == 5) {
      fill_uniform(weight, name, seed,
                   std::sqrt(6.0 / (fan_in(weight) + fan_out(weight))));
    } else if (weight.dim() == 4) {
      // Of a grouped convolution: each input reaches one output.
      fill_normal(weight, name, seed,
                  std::sqrt(2.0 / static_cast<double>(weight.size(0))));
    }
  }
}

}  // namespace voxlift::trainer
