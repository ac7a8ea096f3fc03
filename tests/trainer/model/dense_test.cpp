#include "trainer/model/dense.h"

#include <gtest/gtest.h>

namespace voxlift::trainer {
namespace {

class DenseTest : public testing::TestWithParam<int64_t> {};

// Small and large products take other ways where there is no MKL.
TEST_P(DenseTest, IsLinearForwardAndBackward) {
  torch::manual_seed(3);
  torch::nn::Linear layer(64, 128);
  torch::nn::Linear twin(64, 128);
  twin->to(torch::kFloat64);
  {
    const torch::NoGradGuard no_grad;
    twin->weight.copy_(layer->weight);
    twin->bias.copy_(layer->bias);
  }
  const torch::Tensor x =
      torch::randn({GetParam(), 64}, torch::requires_grad(true));
  const torch::Tensor x64 = x.detach().to(torch::kFloat64).requires_grad_(true);
  const torch::Tensor g = torch::randn({GetParam(), 128});
  const torch::Tensor y = dense(layer, x);
  const torch::Tensor y64 = twin->forward(x64);
  EXPECT_TRUE(torch::allclose(y.to(torch::kFloat64), y64, 1e-4, 1e-5));
  y.backward(g);
  y64.backward(g.to(torch::kFloat64));
  EXPECT_TRUE(
      torch::allclose(x.grad().to(torch::kFloat64), x64.grad(), 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(layer->weight.grad().to(torch::kFloat64),
                              twin->weight.grad(), 1e-4, 1e-4));
  EXPECT_TRUE(torch::allclose(layer->bias.grad().to(torch::kFloat64),
                              twin->bias.grad(), 1e-4, 1e-4));
}

INSTANTIATE_TEST_SUITE_P(Rows, DenseTest, testing::Values(1, 3, 200));

}  // namespace
}  // namespace voxlift::trainer
