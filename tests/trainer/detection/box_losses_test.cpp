#include "trainer/detection/box_losses.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/trainer/detection/numeric_gradient.h"

namespace voxlift::trainer {
namespace {

double value(const torch::Tensor& loss) {
  return loss.item<double>();
}

torch::Tensor doubles(const std::vector<double>& values) {
  return torch::tensor(values, torch::kFloat64);
}

TEST(SmoothL1Test, IsSquareInsideAndLinearOutside) {
  const torch::Tensor zero = doubles({0.0});
  EXPECT_DOUBLE_EQ(value(smooth_l1_sum(doubles({0.05}), zero, 0.1)), 0.0125);
  EXPECT_DOUBLE_EQ(value(smooth_l1_sum(doubles({-3.0}), zero, 0.5)), 2.75);
  EXPECT_EQ(value(smooth_l1_sum(doubles({}), doubles({}), 1.0)), 0.0);
}

TEST(SmoothL1Test, HasTheGradientOfItsFormula) {
  for (const double beta : {1.0 / 9.0, 1.0}) {
    test::expect_gradient(
        [&](const torch::Tensor& x) {
          return smooth_l1_sum(x, torch::zeros_like(x), beta);
        },
        doubles({-2.0, -0.5, -0.05, 0.0, 0.02, 0.3, 4.0}));
  }
}

TEST(BinaryCrossEntropyTest, HasTheGradientOfItsFormula) {
  const torch::Tensor targets = doubles({1.0, 0.0, 1.0, 0.0, 0.25});
  const torch::Tensor logits = doubles({-3.0, -0.5, 0.7, 2.0, 0.1});
  test::expect_gradient(
      [&](const torch::Tensor& x) {
        return binary_cross_entropy_sum(x, targets);
      },
      logits);
  EXPECT_NEAR(value(binary_cross_entropy_sum(doubles({0.7}), doubles({1.0}))),
              std::log1p(std::exp(-0.7)), 1e-12);
}

TEST(BinaryCrossEntropyTest, DoesNotOverflow) {
  const torch::Tensor far = doubles({-1e4, 1e4});
  EXPECT_EQ(value(binary_cross_entropy_sum(far, doubles({0.0, 1.0}))), 0.0);
  EXPECT_EQ(value(binary_cross_entropy_sum(far, doubles({1.0, 0.0}))), 2e4);
}

TEST(FocalLossTest, HasTheGradientOfItsFormula) {
  const torch::Tensor targets = doubles({1.0, 0.0, 1.0, 0.0});
  test::expect_gradient(
      [&](const torch::Tensor& x) {
        return focal_loss_sum(x, targets, 0.25, 2.0);
      },
      doubles({-3.0, -0.5, 0.7, 2.0}));
}

TEST(FocalLossTest, IsHalfTheCrossEntropyWithoutFocus) {
  const torch::Tensor logits = doubles({-3.0, -0.5, 0.7, 2.0});
  const torch::Tensor targets = doubles({1.0, 0.0, 1.0, 0.0});
  EXPECT_NEAR(value(focal_loss_sum(logits, targets, 0.5, 0.0)),
              0.5 * value(binary_cross_entropy_sum(logits, targets)), 1e-12);
  // What is well told weighs little.
  EXPECT_LT(
      value(focal_loss_sum(doubles({5.0}), doubles({1.0}), 1.0, 2.0)),
      1e-4 * value(binary_cross_entropy_sum(doubles({5.0}), doubles({1.0}))));
}

}  // namespace
}  // namespace voxlift::trainer
