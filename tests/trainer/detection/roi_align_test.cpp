#include "trainer/detection/roi_align.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tests/trainer/detection/numeric_gradient.h"

namespace voxlift::trainer {
namespace {

torch::Tensor doubles(const torch::Tensor& x) {
  return x.to(torch::kFloat64);
}

// x + 10 y at the centre of every pixel.
torch::Tensor ramp(int64_t height, int64_t width) {
  const torch::Tensor x = torch::arange(width, torch::kFloat64) + 0.5;
  const torch::Tensor y = torch::arange(height, torch::kFloat64) + 0.5;
  return (x.unsqueeze(0) + 10.0 * y.unsqueeze(1)).view({1, 1, height, width});
}

TEST(RoiAlignTest, IsExactOnARamp) {
  const torch::Tensor rois =
      doubles(torch::tensor({{0.0, 4.0, 6.0, 12.0, 14.0}}));
  for (const int64_t samples : {0, 1, 3}) {
    const torch::Tensor out = roi_align(
        ramp(10, 12), rois, {.size = 2, .scale = 0.5, .samples = samples});
    // Bins of 2 x 2 pixels of the map, the first from (2, 3).
    EXPECT_TRUE(torch::allclose(
        out, doubles(torch::tensor({{{{43.0, 45.0}, {63.0, 65.0}}}}))))
        << samples;
  }
}

TEST(RoiAlignTest, TakesTheEdgeNearAndNothingFarOutside) {
  const torch::Tensor ones = torch::ones({1, 1, 4, 4}, torch::kFloat64);
  const auto mean_of = [&](double x1, double x2) {
    return roi_align(ones, doubles(torch::tensor({{0.0, x1, 0.0, x2, 4.0}})),
                     {.size = 1, .samples = 1})
        .item<double>();
  };
  EXPECT_EQ(mean_of(-0.9, 0.1), 1.0);  // The sample is at -0.4.
  EXPECT_EQ(mean_of(-1.4, -0.6), 0.0);
  EXPECT_EQ(mean_of(4.0, 4.8), 1.0);
  EXPECT_EQ(mean_of(4.4, 5.6), 0.0);
}

TEST(RoiAlignTest, IsZeroForBoxesWithoutArea) {
  const torch::Tensor rois =
      torch::tensor({{0.0, 3.0, 3.0, 3.0, 3.0}, {0.0, 5.0, 5.0, 2.0, 2.0}});
  const torch::Tensor out = roi_align(torch::ones({1, 3, 8, 8}), rois, {});
  EXPECT_EQ(out.sizes(), torch::IntArrayRef({2, 3, 7, 7}));
  EXPECT_EQ(out.abs().sum().item<double>(), 0.0);
}

TEST(RoiAlignTest, TakesNoBoxes) {
  const torch::Tensor features = torch::ones({1, 3, 8, 8}).requires_grad_();
  const torch::Tensor out = roi_align(features, torch::zeros({0, 5}), {});
  EXPECT_EQ(out.sizes(), torch::IntArrayRef({0, 3, 7, 7}));
  out.sum().backward();
  EXPECT_EQ(features.grad().abs().sum().item<double>(), 0.0);
}

torch::Tensor overlapping_rois() {
  return doubles(torch::tensor({{0.0, 1.3, 2.1, 9.7, 14.2},
                                {1.0, -3.0, 0.4, 6.1, 5.0},
                                {1.0, 4.0, 3.0, 30.0, 15.5},
                                {0.0, 2.2, 2.2, 7.7, 9.1}}));
}

TEST(RoiAlignTest, HasTheGradientOfItsFormula) {
  torch::manual_seed(4);
  const torch::Tensor weight = torch::randn({4, 2, 3, 3}, torch::kFloat64);
  test::expect_gradient(
      [&](const torch::Tensor& x) {
        return (roi_align(x, overlapping_rois(), {.size = 3, .scale = 0.5}) *
                weight)
            .sum();
      },
      torch::randn({2, 2, 7, 8}, torch::kFloat64));
}

TEST(RoiAlignTest, IsTheSameBitsOnAnyNumberOfThreads) {
  torch::manual_seed(5);
  const torch::Tensor features = torch::randn({2, 96, 16, 16});
  const auto run = [&](int threads) {
    const int before = at::get_num_threads();
    at::set_num_threads(threads);
    const torch::Tensor x = features.clone().requires_grad_();
    const torch::Tensor out = roi_align(x, overlapping_rois(), {.scale = 0.5});
    out.square().sum().backward();
    at::set_num_threads(before);
    return std::pair(out.detach(), x.grad());
  };
  const auto [one, one_gradient] = run(1);
  const auto [four, four_gradient] = run(4);
  EXPECT_TRUE(one.equal(four));
  EXPECT_TRUE(one_gradient.equal(four_gradient));
}

}  // namespace
}  // namespace voxlift::trainer
