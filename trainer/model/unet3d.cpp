#include "trainer/model/unet3d.h"

#include <string>
#include <utility>

#include "base/strings.h"
#include "trainer/model/dropout.h"
#include "trainer/model/init.h"

namespace voxlift::trainer {
namespace {

ConvOptions conv_of(int64_t in, int64_t out, int64_t kernel) {
  return {.in_channels = in,
          .out_channels = out,
          .kernel = cube(kernel),
          .padding = cube(kernel / 2)};
}

}  // namespace

UpBlockImpl::UpBlockImpl(int64_t deep_channels, int64_t skip_channels,
                         const ResNet3DOptions& backbone)
    : reduce_(conv_of(deep_channels, skip_channels, 1), backbone.norm),
      conv1_(
          of_kind(backbone.conv, conv_of(2 * skip_channels, skip_channels, 3)),
          backbone.norm),
      conv2_(of_kind(backbone.conv, conv_of(skip_channels, skip_channels, 3)),
             backbone.norm) {
  // The published names: upsample.interp_upsample.1, conv_block.convs.{0,1}.
  auto upsample = std::make_shared<torch::nn::Module>();
  auto interp = std::make_shared<torch::nn::Module>();
  interp->register_module("1", reduce_);
  upsample->register_module("interp_upsample", interp);
  register_module("upsample", upsample);
  auto block = std::make_shared<torch::nn::Module>();
  block->register_module("convs", torch::nn::ModuleList(conv1_, conv2_));
  register_module("conv_block", block);
}

torch::Tensor UpBlockImpl::forward(const torch::Tensor& deep_NCDHW,
                                   const torch::Tensor& skip_NCDHW) {
  // Published: upsample, then 1x1x1. Both are linear and act on different axes,
  // so they may change places: an eighth of the convolution's work, and no map
  // of the deep channels at the size of the skip.
  const torch::Tensor up = torch::upsample_trilinear3d(
      reduce_->conv().forward(deep_NCDHW), skip_NCDHW.sizes().slice(2),
      /*align_corners=*/false);
  // The skip is a ReLU's output, which another ReLU leaves alone: one on both,
  // in place, saves a copy of the other half.
  const torch::Tensor joined =
      torch::cat({skip_NCDHW, reduce_->norm().forward(up)}, 1).relu_();
  return conv2_->forward(conv1_->forward(joined));
}

UNet3DImpl::UNet3DImpl(const UNet3DOptions& options)
    : options_(options),
      backbone_(register_module("backbone", ResNet3D(options.backbone))) {
  build_decoder();
  build_head();
}

void UNet3DImpl::build_decoder() {
  const std::vector<int64_t> channels = backbone_->all_channels();
  std::vector<UpBlock> shallow_first;
  for (size_t level = 0; level + 1 < channels.size(); ++level) {
    shallow_first.emplace_back(channels[level + 1], channels[level],
                               options_.backbone);
  }
  torch::nn::ModuleList list;
  for (const UpBlock& block : shallow_first) {
    list->push_back(block);
  }
  auto neck = std::make_shared<torch::nn::Module>();
  neck->register_module("decoder", list);
  register_module("neck", neck);
  decoder_.assign(shallow_first.rbegin(), shallow_first.rend());
}

void UNet3DImpl::build_head() {
  const int64_t width = options_.head_channels;
  const std::string& conv = options_.backbone.conv;
  const NormOptions& norm = options_.backbone.norm;
  head_ = {ConvNorm(of_kind(conv,
                            conv_of(options_.backbone.stem_channels, width, 3)),
                    norm),
           ConvNorm(of_kind(conv, conv_of(width, width, 3)), norm)};
  ConvOptions last = conv_of(width, options_.classes, 1);
  last.bias = true;
  classifier_ = Conv3d(last);
  auto head = std::make_shared<torch::nn::Module>();
  head->register_module("convs", torch::nn::ModuleList(head_[0], head_[1]));
  head->register_module("conv_seg", classifier_);
  register_module("decode_head", head);
}

UNet3DImpl::Outputs UNet3DImpl::forward_all(const torch::Tensor& x_NCDHW) {
  Outputs out;
  out.stages = backbone_->forward(x_NCDHW, &out.stem);
  torch::Tensor y = out.stages.back();
  for (size_t i = 0; i < decoder_.size(); ++i) {
    const size_t level = decoder_.size() - 1 - i;
    y = decoder_[i]->forward(y, level == 0 ? out.stem : out.stages[level - 1]);
  }
  out.decoder_top = y;
  for (auto& layer : head_) {
    y = layer->forward(y);
  }
  if (options_.dropout > 0.0 && is_training()) {
    y = channel_dropout(y, options_.dropout);
  }
  out.logits_NKDHW = classifier_->forward(y);
  return out;
}

torch::Tensor UNet3DImpl::forward(const torch::Tensor& x_NCDHW) {
  return forward_all(x_NCDHW).logits_NKDHW;
}

void initialize(UNet3DImpl& model, uint64_t seed) {
  fill_segmentation(model, seed);
  zero_residual_norms(model.backbone());
}

}  // namespace voxlift::trainer
