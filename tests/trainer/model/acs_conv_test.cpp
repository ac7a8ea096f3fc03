#include "trainer/model/acs_conv.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/model/resnet3d.h"

namespace voxlift::trainer {
namespace {

ConvOptions cubic(int64_t in, int64_t out, int64_t kernel, int64_t stride) {
  return {.in_channels = in,
          .out_channels = out,
          .kernel = cube(kernel),
          .stride = cube(stride),
          .padding = cube(kernel / 2),
          .acs = true};
}

int64_t num_parameters(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const torch::Tensor& tensor : module.parameters()) {
    count += tensor.numel();
  }
  return count;
}

// The kernel (k, k) as the cubic one that is zero off the middle of `axis`:
// another way to the same numbers.
torch::Tensor as_cubic(const torch::Tensor& weight_OIkk, int64_t axis) {
  const int64_t k = weight_OIkk.size(2);
  torch::Tensor cubic_weight =
      torch::zeros({weight_OIkk.size(0), weight_OIkk.size(1), k, k, k});
  cubic_weight.select(axis + 2, k / 2).copy_(weight_OIkk);
  return cubic_weight;
}

TEST(AcsConvTest, SplitsChannelsWithTheRestInFront) {
  EXPECT_EQ(acs_split(64), (std::array<int64_t, 3>{22, 21, 21}));
  EXPECT_EQ(acs_split(128), (std::array<int64_t, 3>{43, 43, 42}));
  EXPECT_EQ(acs_split(3), (std::array<int64_t, 3>{1, 1, 1}));
  EXPECT_EQ(acs_split(1), (std::array<int64_t, 3>{1, 0, 0}));
}

TEST(AcsConvTest, EqualsCubicKernelsThatAreZeroOffTheMiddle) {
  torch::manual_seed(1);
  for (const int64_t kernel : {1, 3, 7}) {
    for (const int64_t stride : {1, 2}) {
      for (const int64_t size : {8, 9}) {
        const ConvOptions options = cubic(2, 5, kernel, stride);
        const torch::Tensor x = torch::randn({1, 2, size, size, size + 1});
        const torch::Tensor weight = torch::randn({5, 2, kernel, kernel});
        const torch::Tensor bias = torch::randn({5});
        const torch::Tensor full =
            torch::cat({as_cubic(weight.slice(0, 0, 2), 0),
                        as_cubic(weight.slice(0, 2, 4), 1),
                        as_cubic(weight.slice(0, 4, 5), 2)});
        const torch::Tensor expected =
            torch::conv3d(x, full, bias, options.stride, options.padding);
        const torch::Tensor found = acs_conv3d(x, weight, bias, options);
        EXPECT_TRUE(torch::allclose(found, expected, 1e-4, 1e-5))
            << kernel << " " << stride << " " << size;
      }
    }
  }
}

TEST(AcsConvTest, WithoutPaddingSeesTheMiddleOfTheWindow) {
  ConvOptions options = cubic(1, 3, 3, 1);
  options.padding = cube(0);
  const torch::Tensor x = torch::randn({1, 1, 5, 6, 7});
  const torch::Tensor weight = torch::randn({3, 1, 3, 3});
  std::vector<torch::Tensor> parts;
  for (int64_t axis = 0; axis < 3; ++axis) {
    parts.push_back(as_cubic(weight.slice(0, axis, axis + 1), axis));
  }
  EXPECT_TRUE(torch::allclose(acs_conv3d(x, weight, {}, options),
                              torch::conv3d(x, torch::cat(parts)), 1e-4, 1e-5));
}

TEST(AcsConvTest, AResNet18HasTheParametersOfTheNetworkIn2D) {
  EXPECT_EQ(num_parameters(*ResNet3D(ResNet3DOptions{.conv = "acs"})),
            11'170'240);
  ResNet3D flat(ResNet3DOptions{.conv = "2.5d"});
  EXPECT_EQ(num_parameters(*flat), 11'170'240);
  EXPECT_EQ(flat->named_parameters()["conv1.weight"].sizes().vec(),
            (std::vector<int64_t>{64, 1, 1, 7, 7}));
}

TEST(AcsConvTest, KeepsTheShapesOfTheNetworkIn3D) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor x = torch::zeros({1, 1, 9, 32, 32});
  for (const bool depth_stride : {false, true}) {
    std::vector<std::vector<int64_t>> shapes;
    for (const char* conv : {"conv3d", "acs", "2.5d"}) {
      ResNet3D net(ResNet3DOptions{.stem_channels = 4,
                                   .base_channels = 4,
                                   .depth_stride = depth_stride,
                                   .conv = conv});
      net->eval();
      shapes.push_back(net->forward(x).back().sizes().vec());
    }
    EXPECT_EQ(shapes[1], shapes[0]);
    EXPECT_EQ(shapes[2], shapes[0]);
  }
}

TEST(AcsConvTest, NamesTheLegalConvolutions) {
  test::expect_error<ConfigError>(
      [] { ResNet3DOptions{.conv = "conv2d"}.validate("model."); },
      {"model.conv = conv2d", "conv3d, acs or 2.5d"});
}

TEST(ResNet3DTest, AForcedShortcutIsInTheFirstBlockOnly) {
  ResNet3D net(ResNet3DOptions{.force_downsample = true});
  const auto names = net->named_parameters();
  EXPECT_TRUE(names.contains("layer1.0.downsample.0.weight"));
  EXPECT_FALSE(names.contains("layer1.1.downsample.0.weight"));
  EXPECT_FALSE(names.contains("layer2.1.downsample.0.weight"));
  test::expect_error<ConfigError>(
      [] {
        ResNet3DOptions{.shortcut = "A", .force_downsample = true}.validate(
            "model.");
      },
      {"model.force_downsample", "shortcut = A"});
}

}  // namespace
}  // namespace voxlift::trainer
