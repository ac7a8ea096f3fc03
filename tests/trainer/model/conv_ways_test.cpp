#include "trainer/model/conv_ways.h"

#include <gtest/gtest.h>

namespace voxlift::trainer {
namespace {

struct FoldCase {
  ConvOptions options;
  std::vector<int64_t> sizes;
};

class FoldedConvTest : public testing::TestWithParam<FoldCase> {};

// In float64, where the two ways differ by the order of additions alone.
TEST_P(FoldedConvTest, IsConv3dForwardAndBackward) {
  const ConvOptions& o = GetParam().options;
  torch::manual_seed(2);
  const auto options = torch::dtype(torch::kFloat64).requires_grad(true);
  const torch::Tensor x = torch::randn(GetParam().sizes, options);
  const torch::Tensor w = torch::randn(
      {o.out_channels, o.in_channels, o.kernel[0], o.kernel[1], o.kernel[2]},
      options);
  const torch::Tensor b =
      o.bias ? torch::randn({o.out_channels}, options) : torch::Tensor();
  const torch::Tensor y = folded_conv3d(x, w, b, o);
  const torch::Tensor expected =
      torch::conv3d(x, w, b, o.stride, o.padding, o.dilation);
  ASSERT_EQ(y.sizes(), expected.sizes());
  EXPECT_TRUE(torch::allclose(y, expected, 1e-12, 1e-12));
  const torch::Tensor g = torch::randn_like(expected);
  const auto mine = torch::autograd::grad({y}, {x, w}, {g});
  const auto theirs = torch::autograd::grad({expected}, {x, w}, {g});
  EXPECT_TRUE(torch::allclose(mine[0], theirs[0], 1e-12, 1e-11));
  EXPECT_TRUE(torch::allclose(mine[1], theirs[1], 1e-12, 1e-11));
}

INSTANTIATE_TEST_SUITE_P(Shapes, FoldedConvTest,
                         testing::Values(FoldCase{{.in_channels = 1,
                                                   .out_channels = 5,
                                                   .kernel = cube(7),
                                                   .stride = {1, 2, 2},
                                                   .padding = cube(3)},
                                                  {2, 1, 3, 17, 16}},
                                         FoldCase{{.in_channels = 2,
                                                   .out_channels = 3,
                                                   .kernel = cube(3),
                                                   .padding = {0, 1, 1},
                                                   .dilation = {1, 2, 1},
                                                   .bias = true},
                                                  {1, 2, 4, 9, 9}}));

TEST(FoldingWinsTest, OnlyWhereItWasMeasuredTo) {
  const ConvOptions stem = {.in_channels = 1,
                            .out_channels = 64,
                            .kernel = cube(7),
                            .stride = {1, 2, 2},
                            .padding = cube(3)};
  EXPECT_TRUE(folding_wins(torch::zeros({1, 1, 3, 8, 8}), stem));
  EXPECT_FALSE(folding_wins(torch::zeros({1, 1, 32, 8, 8}), stem));
  EXPECT_FALSE(
      folding_wins(torch::zeros({1, 1, 3, 8, 8}, torch::kFloat64), stem));
  ConvOptions strided = stem;
  strided.stride = cube(2);
  EXPECT_FALSE(folding_wins(torch::zeros({1, 1, 3, 8, 8}), strided));
}

}  // namespace
}  // namespace voxlift::trainer
