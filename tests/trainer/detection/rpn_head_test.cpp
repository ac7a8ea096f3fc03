#include "trainer/detection/rpn_head.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/trainer/detection/numeric_gradient.h"

namespace voxlift::trainer {
namespace {

constexpr ImageSize kSize = {.height = 64, .width = 64};

// One level of stride 8 over 64 x 64: 192 anchors of side 32 or so.
RpnConfig one_level() {
  RpnConfig config;
  config.anchors.strides = {8};
  config.sample.count = 16;
  return config;
}

RpnOutput output_of(const RpnConfig& config, int64_t images) {
  RpnOutput output;
  output.anchors_K4 = level_anchors(config.anchors, 0, 8, 8);
  output.level_sizes = {output.anchors_K4.size(0)};
  output.logits_NK = torch::zeros({images, output.level_sizes[0]});
  output.deltas_NK4 = torch::zeros({images, output.level_sizes[0], 4});
  return output;
}

double value(const torch::Tensor& loss) {
  return loss.item<double>();
}

TEST(RpnHeadTest, LaysOutEveryAnchorOfEveryLevel) {
  RpnConfig config;
  config.anchors.strides = {4, 8};
  RpnHead head(config, 6);
  initialize(*head, 3);
  const std::vector<torch::Tensor> levels = {torch::randn({2, 6, 4, 6}),
                                             torch::randn({2, 6, 2, 3})};
  const RpnOutput output = head->forward(levels);
  EXPECT_EQ(output.level_sizes, (std::vector<int64_t>{72, 18}));
  EXPECT_EQ(output.logits_NK.sizes(), torch::IntArrayRef({2, 90}));
  EXPECT_EQ(output.deltas_NK4.sizes(), torch::IntArrayRef({2, 90, 4}));
  EXPECT_EQ(output.anchors_K4.sizes(), torch::IntArrayRef({90, 4}));
  // Anchor 1 of place (1, 2) of the first level: channels 1 and 4 to 7.
  const auto named = head->named_parameters();
  const torch::Tensor x = torch::conv2d(levels[0], named["rpn_conv.weight"],
                                        named["rpn_conv.bias"], 1, 1)
                              .relu();
  const int64_t row = (1 * 6 + 2) * 3 + 1;
  const torch::Tensor score =
      torch::conv2d(x, named["rpn_cls.weight"], named["rpn_cls.bias"]);
  const torch::Tensor delta =
      torch::conv2d(x, named["rpn_reg.weight"], named["rpn_reg.bias"]);
  EXPECT_FLOAT_EQ(output.logits_NK[1][row].item<float>(),
                  score[1][1][1][2].item<float>());
  EXPECT_FLOAT_EQ(output.deltas_NK4[1][row][2].item<float>(),
                  delta[1][6][1][2].item<float>());
}

TEST(RpnHeadTest, HasThePublishedNumberOfParameters) {
  RpnHead head(RpnConfig{}, 256);
  int64_t count = 0;
  for (const torch::Tensor& parameter : head->parameters()) {
    count += parameter.numel();
  }
  EXPECT_EQ(count, 593'935);
}

TEST(RpnLossTest, DividesByTheSampledAnchors) {
  const RpnConfig config = one_level();
  const RpnOutput output = output_of(config, 1);
  // The square anchor of place (4, 4): one positive, 15 background.
  const torch::Tensor truth = torch::tensor({{16.0, 16.0, 48.0, 48.0}});
  const BoxLosses losses =
      rpn_loss(output, {truth}, std::vector{kSize}, config);
  EXPECT_NEAR(value(losses.scores), std::log(2.0), 1e-6);
  EXPECT_NEAR(value(losses.boxes), 0.0, 1e-6);
  // Off by one side to the right: |d| = 1 of beta 1 / 9, of 16 sampled.
  RpnOutput moved = output;
  moved.deltas_NK4 = output.deltas_NK4.clone();
  moved.deltas_NK4.select(2, 0).fill_(1.0);
  EXPECT_NEAR(value(rpn_loss(moved, {truth}, std::vector{kSize}, config).boxes),
              (1.0 - 0.5 / 9.0) / 16.0, 1e-6);
}

TEST(RpnLossTest, KnowsPicturesWithoutBoxesOrInsideAnchors) {
  const RpnConfig config = one_level();
  const RpnOutput output = output_of(config, 2);
  const torch::Tensor none = torch::zeros({0, 4});
  // 16 background anchors count as 1 + 16; nothing fits 8 x 8 pixels: 1 + 1.
  const std::vector<ImageSize> sizes = {kSize, {.height = 8, .width = 8}};
  const BoxLosses losses = rpn_loss(output, {none, none}, sizes, config);
  EXPECT_NEAR(value(losses.scores), 16.0 * std::log(2.0) / 19.0, 1e-6);
  EXPECT_EQ(value(losses.boxes), 0.0);
}

TEST(RpnLossTest, SendsGradientsEvenWithoutPositives) {
  const RpnConfig config = one_level();
  RpnOutput output = output_of(config, 1);
  output.logits_NK.requires_grad_();
  output.deltas_NK4.requires_grad_();
  const BoxLosses losses =
      rpn_loss(output, {torch::zeros({0, 4})}, std::vector{kSize}, config);
  (losses.scores + losses.boxes).backward();
  EXPECT_EQ((output.logits_NK.grad() != 0.0).sum().item<int64_t>(), 16);
  EXPECT_EQ(value(output.deltas_NK4.grad().abs().sum()), 0.0);
}

TEST(RpnLossTest, HasTheGradientOfItsFormula) {
  torch::manual_seed(3);
  for (const std::string kind : {"bce", "focal"}) {
    RpnConfig config = one_level();
    config.score_loss = kind;
    RpnOutput output = output_of(config, 1);
    const torch::Tensor truth = torch::tensor({{15.0, 18.0, 45.0, 50.0}});
    test::expect_gradient(
        [&](const torch::Tensor& x) {
          RpnOutput now = output;
          now.logits_NK = x.select(2, 4);
          now.deltas_NK4 = x.narrow(2, 0, 4);
          const BoxLosses losses =
              rpn_loss(now, {truth}, std::vector{kSize}, config);
          return losses.scores + losses.boxes;
        },
        torch::randn({1, output.level_sizes[0], 5}, torch::kFloat64));
  }
}

TEST(RpnLossTest, TakesAllAnchorsWithFocalLoss) {
  RpnConfig config = one_level();
  config.score_loss = "focal";
  RpnOutput output = output_of(config, 1);
  output.logits_NK.requires_grad_();
  const torch::Tensor truth = torch::tensor({{16.0, 16.0, 48.0, 48.0}});
  rpn_loss(output, {truth}, std::vector{kSize}, config).scores.backward();
  EXPECT_GT((output.logits_NK.grad() != 0.0).sum().item<int64_t>(), 16);
}

TEST(MakeProposalsTest, GivesTheBestFirstAndNoTwins) {
  const RpnConfig config = one_level();
  RpnOutput output = output_of(config, 1);
  output.logits_NK = torch::randn_like(output.logits_NK);
  output.logits_NK[0][100] = 9.0;
  const ProposalOptions options = {
      .per_level = 50, .max_iou = 0.5, .per_image = 5};
  const auto proposals =
      make_proposals(output, std::vector{kSize}, config, options);
  ASSERT_EQ(proposals.size(), 1U);
  ASSERT_LE(proposals[0].size(0), 5);
  EXPECT_TRUE(proposals[0][0].allclose(
      clip_boxes(output.anchors_K4.narrow(0, 100, 1), kSize)[0]));
  const torch::Tensor iou =
      pairwise_iou(proposals[0], proposals[0]).fill_diagonal_(0);
  EXPECT_LE(value(iou.max()), 0.5);
}

TEST(MakeProposalsTest, DropsBoxesThatAreNoBoxes) {
  const RpnConfig config = one_level();
  RpnOutput output = output_of(config, 1);
  output.deltas_NK4.fill_(NAN);
  const auto proposals =
      make_proposals(output, std::vector{kSize}, config, config.train);
  EXPECT_EQ(proposals[0].size(0), 0);
}

}  // namespace
}  // namespace voxlift::trainer
