#include "trainer/model/lidc_seg.h"

#include <algorithm>

#include "trainer/model/init.h"

namespace voxlift::trainer {
namespace {

// As many channels as the published head has before the classifier, for 512.
constexpr int64_t kLastShare = 4;

ConvOptions conv_of(int64_t in, int64_t out, int64_t kernel) {
  return {.in_channels = in,
          .out_channels = out,
          .kernel = cube(kernel),
          .padding = cube(kernel / 2)};
}

// `shallow` beside `deep`, brought to its size by repeating voxels.
torch::Tensor join(const torch::Tensor& shallow_NCDHW,
                   const torch::Tensor& deep_NCDHW) {
  return torch::cat(
      {shallow_NCDHW,
       torch::upsample_nearest3d(deep_NCDHW, shallow_NCDHW.sizes().slice(2))},
      1);
}

}  // namespace

LidcSegImpl::LidcSegImpl(const LidcSegOptions& options)
    : backbone_(register_module("backbone", ResNet3D(options.backbone))) {
  const std::vector<int64_t> channels = backbone_->all_channels();
  const NormOptions& norm = options.backbone.norm;
  const int64_t width = options.head_channels;
  const int64_t last = std::max<int64_t>(1, width / kLastShare);
  deep_ = ConvNorm(conv_of(channels[2] + channels[4], width, 1), norm);
  shallow_ = ConvNorm(conv_of(channels[0] + width, width, 1), norm);
  last_ = ConvNorm(conv_of(width, last, 3), norm);
  ConvOptions scores = conv_of(last, options.classes, 1);
  scores.bias = true;
  classifier_ = Conv3d(scores);
  auto head = std::make_shared<torch::nn::Module>();
  head->register_module("deep", deep_);
  head->register_module("shallow", shallow_);
  head->register_module("last", last_);
  head->register_module("conv_seg", classifier_);
  register_module("decode_head", head);
}

torch::Tensor LidcSegImpl::forward(const torch::Tensor& x_NCDHW) {
  torch::Tensor stem;
  const std::vector<torch::Tensor> stages = backbone_->forward(x_NCDHW, &stem);
  const torch::Tensor deep = deep_->forward(join(stages[1], stages[3]));
  const torch::Tensor shallow = shallow_->forward(join(stem, deep));
  return classifier_->forward(last_->forward(shallow));
}

void initialize(LidcSegImpl& model, uint64_t seed) {
  fill_segmentation(model, seed);
  zero_residual_norms(model.backbone());
}

}  // namespace voxlift::trainer
