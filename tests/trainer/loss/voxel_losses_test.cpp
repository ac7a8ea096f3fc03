#include "trainer/loss/voxel_losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "tests/trainer/loss/gradient_check.h"

namespace voxlift::trainer {
namespace {

using Loss = std::function<torch::Tensor(const torch::Tensor& logits,
                                         const torch::Tensor& label)>;

struct Case {
  const char* name;
  Loss loss;
};

class VoxelLossTest : public testing::TestWithParam<Case> {
 protected:
  VoxelLossTest() { torch::manual_seed(4); }

  torch::Tensor logits_ = torch::randn({2, 3, 2, 3, 4}, torch::kFloat64);
  torch::Tensor label_ = torch::randint(3, {2, 2, 3, 4}, torch::kInt64);
};

TEST_P(VoxelLossTest, GradientAgreesWithDifferences) {
  label_[0][1][2].fill_(kIgnoredLabel);
  test::expect_gradient(
      [&](const torch::Tensor& x) { return GetParam().loss(x, label_).sum(); },
      logits_);
}

TEST_P(VoxelLossTest, ASureRightAnswerCostsNothing) {
  const torch::Tensor sure =
      50.0 *
      torch::one_hot(label_, 3).permute({0, 4, 1, 2, 3}).to(torch::kFloat64);
  const torch::Tensor loss_N = GetParam().loss(sure, label_);
  EXPECT_EQ(loss_N.sizes(), torch::IntArrayRef({2}));
  EXPECT_LT(loss_N.abs().max().item<double>(), 1e-9);
}

TEST_P(VoxelLossTest, IgnoredVoxelsDoNotCount) {
  label_[0][0].fill_(kIgnoredLabel);
  const torch::Tensor before = GetParam().loss(logits_, label_);
  logits_[0].select(1, 0).fill_(7.0);
  logits_[0][1].select(0, 0).fill_(-3.0);
  EXPECT_TRUE(torch::allclose(before, GetParam().loss(logits_, label_)));
}

TEST_P(VoxelLossTest, ASampleOfIgnoredVoxelsIsFinite) {
  label_[1].fill_(kIgnoredLabel);
  logits_.requires_grad_();
  const torch::Tensor loss_N = GetParam().loss(logits_, label_);
  loss_N.sum().backward();
  EXPECT_NEAR(loss_N[1].item<double>(), 0.0, 1e-12);
  EXPECT_EQ(logits_.grad()[1].abs().max().item<double>(), 0.0);
  EXPECT_TRUE(logits_.grad().isfinite().all().item<bool>());
}

TEST_P(VoxelLossTest, ClassesThatAreNowhereAreFinite) {
  label_.fill_(0);
  EXPECT_TRUE(GetParam().loss(logits_, label_).isfinite().all().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(
    All, VoxelLossTest,
    testing::Values(
        Case{"CrossEntropy",
             [](const auto& x, const auto& y) {
               return voxel_cross_entropy(x, y);
             }},
        Case{"Dice",
             [](const auto& x, const auto& y) { return dice_loss(x, y, {}); }},
        Case{"SquaredDiceWithBackground",
             [](const auto& x, const auto& y) {
               return dice_loss(x, y, {.background = true, .squared = true});
             }},
        Case{"Focal", [](const auto& x,
                         const auto& y) { return focal_loss(x, y, 2.0); }}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(VoxelCrossEntropyTest, SmoothsTheTarget) {
  torch::manual_seed(1);
  const torch::Tensor logits = torch::randn({1, 4, 1, 1, 2}, torch::kFloat64);
  const torch::Tensor label = torch::tensor({1, 3}).view({1, 1, 1, 2});
  const torch::Tensor expected = torch::nn::functional::cross_entropy(
      logits, label,
      torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(0.1));
  EXPECT_NEAR(voxel_cross_entropy(logits, label, 0.1)[0].item<double>(),
              expected.item<double>(), 1e-12);
}

// Half of the probability everywhere, half of the voxels are foreground:
// 2 * 2 / (4 + 4).
TEST(DiceLossTest, IsOneMinusTheSoftDice) {
  const torch::Tensor logits = torch::zeros({1, 2, 1, 2, 4}, torch::kFloat64);
  const torch::Tensor label =
      torch::tensor({1, 1, 1, 1, 0, 0, 0, 0}).view({1, 1, 2, 4});
  EXPECT_NEAR(dice_loss(logits, label, {.smooth = 1e-12})[0].item<double>(),
              0.5, 1e-9);
  // Squares: 2 * 2 / (8 / 4 + 4).
  EXPECT_NEAR(dice_loss(logits, label, {.squared = true, .smooth = 1e-12})[0]
                  .item<double>(),
              1.0 - 4.0 / 6.0, 1e-9);
}

TEST(FocalLossTest, IsTheCrossEntropyAtGammaZero) {
  torch::manual_seed(2);
  const torch::Tensor logits = torch::randn({2, 3, 2, 2, 2}, torch::kFloat64);
  const torch::Tensor label = torch::randint(3, {2, 2, 2, 2}, torch::kInt64);
  EXPECT_TRUE(torch::allclose(focal_loss(logits, label, 0.0),
                              voxel_cross_entropy(logits, label)));
}

// (1 - p)^gamma has no slope at p = 1 by itself where gamma is less than 1.
TEST(FocalLossTest, ASureAnswerHasNoSlopeBelowGammaOne) {
  torch::Tensor logits = torch::zeros({1, 2, 1, 1, 2}, torch::kFloat64);
  logits.select(1, 1).fill_(500.0);
  logits.requires_grad_();
  const torch::Tensor label = torch::ones({1, 1, 1, 2}, torch::kInt64);
  focal_loss(logits, label, 0.5).sum().backward();
  EXPECT_LT(logits.grad().abs().max().item<double>(), 1e-30);
}

TEST(VoxelLossesTest, ANanStaysWithItsSample) {
  torch::manual_seed(3);
  torch::Tensor logits = torch::randn({2, 3, 2, 2, 2}, torch::kFloat64);
  const torch::Tensor label = torch::randint(3, {2, 2, 2, 2}, torch::kInt64);
  logits[1][0][1][0][1] = std::nan("");
  for (const torch::Tensor& loss_N :
       {voxel_cross_entropy(logits, label, 0.1), dice_loss(logits, label, {}),
        focal_loss(logits, label, 2.0)}) {
    EXPECT_TRUE(std::isfinite(loss_N[0].item<double>()));
    EXPECT_TRUE(std::isnan(loss_N[1].item<double>()));
  }
}

}  // namespace
}  // namespace voxlift::trainer
