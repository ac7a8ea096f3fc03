#include "trainer/model/conv.h"

#include <gtest/gtest.h>

namespace voxlift::trainer {
namespace {

Conv3d make_conv(int64_t in_channels) {
  torch::manual_seed(3);
  Conv3d conv(ConvOptions{.in_channels = in_channels,
                          .out_channels = 6,
                          .kernel = cube(3),
                          .stride = {1, 2, 2},
                          .padding = cube(1)});
  const torch::NoGradGuard no_grad;
  conv->weight.normal_();
  return conv;
}

class ChannelsLastTest : public testing::TestWithParam<int64_t> {};

TEST_P(ChannelsLastTest, GivesTheSameNumbers) {
  Conv3d conv = make_conv(GetParam());
  const torch::Tensor x =
      torch::randn({2, GetParam(), 3, 9, 9}, torch::requires_grad());
  const torch::Tensor expected = conv->forward(x);
  const torch::Tensor g = torch::randn_like(expected);
  const auto gradients =
      torch::autograd::grad({expected}, {x, conv->weight}, {g});
  set_memory_format(*conv, "channels_last");
  const torch::Tensor y = conv->forward(x);
  EXPECT_TRUE(torch::allclose(y, expected, 1e-4, 1e-4));
  const auto again = torch::autograd::grad({y}, {x, conv->weight}, {g});
  EXPECT_TRUE(torch::allclose(again[0], gradients[0], 1e-4, 1e-4));
  EXPECT_TRUE(torch::allclose(again[1], gradients[1], 1e-4, 1e-4));
}

INSTANTIATE_TEST_SUITE_P(Channels, ChannelsLastTest, testing::Values(1, 4));

TEST(MemoryFormatTest, ContiguousAgainIsAsBefore) {
  Conv3d conv = make_conv(4);
  const torch::Tensor x = torch::randn({1, 4, 3, 9, 9});
  const torch::Tensor expected = conv->forward(x);
  set_memory_format(*conv, "channels_last");
  set_memory_format(*conv, "contiguous");
  EXPECT_TRUE(torch::equal(conv->forward(x), expected));
}

}  // namespace
}  // namespace voxlift::trainer
