#include "trainer/model/pool.h"

#include <gtest/gtest.h>

#include <limits>

namespace voxlift::trainer {
namespace {

struct PoolCase {
  std::vector<int64_t> sizes;
  Triple stride;
};

class MaxPoolTest : public testing::TestWithParam<PoolCase> {};

TEST_P(MaxPoolTest, IsTorchsPoolForwardAndBackward) {
  torch::manual_seed(1);
  // Whole numbers: many ties, so that the choice among equals is seen.
  torch::Tensor x = torch::randint(-3, 4, GetParam().sizes).to(torch::kFloat32);
  x.set_requires_grad(true);
  const torch::Tensor y = max_pool_3x3x3(x, GetParam().stride);
  torch::Tensor other = x.detach().clone().set_requires_grad(true);
  const torch::Tensor expected =
      torch::max_pool3d(other, 3, GetParam().stride, 1);
  ASSERT_EQ(y.sizes(), expected.sizes());
  EXPECT_TRUE(torch::equal(y, expected));
  const torch::Tensor gradient = torch::randint(1, 100, y.sizes());
  y.backward(gradient);
  expected.backward(gradient);
  EXPECT_TRUE(torch::equal(x.grad(), other.grad()));
}

INSTANTIATE_TEST_SUITE_P(Shapes, MaxPoolTest,
                         testing::Values(PoolCase{{2, 3, 3, 12, 12}, {1, 2, 2}},
                                         PoolCase{{1, 2, 3, 37, 41}, {1, 2, 2}},
                                         PoolCase{{1, 2, 8, 9, 10}, {2, 2, 2}},
                                         PoolCase{{1, 2, 5, 6, 7}, {1, 1, 1}},
                                         PoolCase{{1, 1, 1, 1, 1}, {2, 2, 2}},
                                         PoolCase{{1, 1, 2, 2, 2}, {1, 2, 2}},
                                         PoolCase{{1, 1, 2, 3, 64}, {1, 2, 1}},
                                         PoolCase{{1, 1, 4, 9, 9}, {3, 3, 3}}));

TEST(MaxPoolTest, KeepsNaNAndMinusInfinity) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  torch::Tensor x = torch::full({1, 1, 3, 8, 8}, -kInf);
  EXPECT_TRUE(torch::equal(max_pool_3x3x3(x, {1, 2, 2}),
                           torch::full({1, 1, 3, 4, 4}, -kInf)));
  x[0][0][1][3][3] = std::numeric_limits<float>::quiet_NaN();
  const torch::Tensor y = max_pool_3x3x3(x, {1, 2, 2});
  EXPECT_TRUE(
      torch::equal(y.isnan(), torch::max_pool3d(x, 3, {1, 2, 2}, 1).isnan()));
}

TEST(MaxPoolTest, LeavesFloat64ToTorch) {
  const torch::Tensor x = torch::randn({1, 1, 3, 4, 4}, torch::kFloat64);
  EXPECT_EQ(max_pool_3x3x3(x, {1, 2, 2}).scalar_type(), torch::kFloat64);
}

}  // namespace
}  // namespace voxlift::trainer
