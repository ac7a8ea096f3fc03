#include "trainer/model/conv_ways.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "trainer/model/conv.h"

namespace voxlift::trainer {
namespace {

struct Case {
  std::string name;
  ConvOptions options;
  std::vector<int64_t> sizes;
};

struct Gradients {
  torch::Tensor y;
  torch::Tensor x;
  torch::Tensor weight;
};

// Of a random weighted sum of the outputs.
Gradients run(const ConvWay& way, const Case& c, torch::ScalarType dtype) {
  const ConvOptions& o = c.options;
  torch::manual_seed(2);
  const auto leaf = [dtype](std::vector<int64_t> sizes) {
    return torch::randn(sizes, torch::kFloat64).to(dtype).requires_grad_(true);
  };
  const torch::Tensor x = leaf(c.sizes);
  const torch::Tensor weight = leaf({o.out_channels, o.in_channels / o.groups,
                                     o.kernel[0], o.kernel[1], o.kernel[2]});
  const torch::Tensor bias = o.bias ? leaf({o.out_channels}) : torch::Tensor();
  const torch::Tensor y = way.compute(x, weight, bias, o);
  const torch::Tensor g = torch::randn(y.sizes(), torch::kFloat64).to(dtype);
  const auto gradients = torch::autograd::grad({y}, {x, weight}, {g});
  return {y, gradients[0], gradients[1]};
}

double difference(const torch::Tensor& a, const torch::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a.to(torch::kFloat64) - b.to(torch::kFloat64))
      .abs()
      .max()
      .item<double>();
}

class ConvWayTest : public testing::TestWithParam<Case> {};

// In float64 ways differ by the order of additions alone; those for float32 are
// compared there.
TEST_P(ConvWayTest, IsConv3dForwardAndBackward) {
  const Gradients expected =
      run(conv_way("conv3d"), GetParam(), torch::kFloat64);
  int num_ways = 0;
  for (const ConvWay& way : conv_ways()) {
    for (const auto dtype : {torch::kFloat64, torch::kFloat32}) {
      const ConvCall call =
          call_of(torch::zeros(GetParam().sizes, dtype), GetParam().options);
      if (!way.admits(call)) {
        continue;
      }
      SCOPED_TRACE(way.name + ", " + torch::toString(dtype));
      const double limit = dtype == torch::kFloat64 ? 1e-11 : 1e-3;
      const Gradients found = run(way, GetParam(), dtype);
      EXPECT_TRUE(found.y.is_contiguous());
      EXPECT_LT(difference(found.y, expected.y), limit);
      EXPECT_LT(difference(found.x, expected.x), limit);
      EXPECT_LT(difference(found.weight, expected.weight), limit);
      ++num_ways;
    }
  }
  EXPECT_GE(num_ways, 4);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, ConvWayTest,
    testing::Values(Case{"stem",
                         {.in_channels = 1,
                          .out_channels = 5,
                          .kernel = cube(7),
                          .stride = {1, 2, 2},
                          .padding = cube(3)},
                         {2, 1, 3, 17, 16}},
                    Case{"dilated_bias",
                         {.in_channels = 2,
                          .out_channels = 3,
                          .kernel = cube(3),
                          .padding = {0, 1, 1},
                          .dilation = {1, 2, 1},
                          .bias = true},
                         {1, 2, 4, 9, 9}},
                    Case{"body",
                         {.in_channels = 4,
                          .out_channels = 6,
                          .kernel = cube(3),
                          .padding = cube(1)},
                         {2, 4, 3, 7, 5}},
                    Case{"depth_stride_dilation",
                         {.in_channels = 3,
                          .out_channels = 4,
                          .kernel = cube(3),
                          .stride = cube(2),
                          .padding = cube(2),
                          .dilation = cube(2)},
                         {1, 3, 6, 8, 7}},
                    Case{"groups",
                         {.in_channels = 4,
                          .out_channels = 4,
                          .kernel = {5, 1, 1},
                          .groups = 4},
                         {2, 4, 5, 6, 6}},
                    Case{"sixteens",
                         {.in_channels = 16,
                          .out_channels = 32,
                          .kernel = cube(3),
                          .padding = cube(1),
                          .bias = true},
                         {2, 16, 4, 13, 14}},
                    Case{"two_depth_taps",
                         {.in_channels = 32,
                          .out_channels = 16,
                          .kernel = {2, 3, 3},
                          .padding = {0, 1, 1}},
                         {1, 32, 3, 12, 9}},
                    Case{"padded_in_depth",
                         {.in_channels = 16,
                          .out_channels = 16,
                          .kernel = {2, 3, 3},
                          .padding = {1, 1, 1}},
                         {1, 16, 2, 12, 9}},
                    Case{"pointwise",
                         {.in_channels = 4, .out_channels = 3, .bias = true},
                         {2, 4, 3, 6, 6}},
                    Case{"depth_taps",
                         {.in_channels = 4,
                          .out_channels = 3,
                          .kernel = {3, 1, 1},
                          .padding = {1, 0, 0}},
                         {1, 4, 9, 6, 6}},
                    Case{"plane_taps",
                         {.in_channels = 4,
                          .out_channels = 3,
                          .kernel = {1, 3, 3},
                          .stride = {1, 2, 2},
                          .padding = {0, 1, 1}},
                         {1, 4, 9, 6, 6}}),
    [](const auto& given) { return given.param.name; });

TEST(ConvWaysTest, NamesAreUniqueAndUnknownOnesAreRefused) {
  std::set<std::string> names;
  for (const ConvWay& way : conv_ways()) {
    names.insert(way.name);
  }
  EXPECT_EQ(names.size(), conv_ways().size());
  EXPECT_THROW(conv_way("fft"), InternalError);
}

TEST(ConvCallTest, KeyTellsShapesLayersAndThreads) {
  const ConvOptions body = {.in_channels = 4,
                            .out_channels = 6,
                            .kernel = cube(3),
                            .padding = cube(1)};
  ConvCall call = call_of(torch::zeros({2, 4, 3, 7, 5}), body);
  call.threads = 1;
  EXPECT_EQ(call.key(),
            "cpu float32 1 threads: 2x4x3x7x5, 6 of 3x3x3, stride 1x1x1, "
            "padding 1x1x1, dilation 1x1x1, 1 groups");
  call.dtype = torch::kFloat64;
  EXPECT_EQ(call.key().substr(0, 11), "cpu Double ");
}

class RuleTest : public testing::Test {
 protected:
  RuleTest() { at::set_num_threads(1); }

  ~RuleTest() override { at::set_num_threads(threads_); }

  static std::string rule(std::vector<int64_t> sizes,
                          const ConvOptions& options,
                          torch::ScalarType dtype = torch::kFloat32) {
    return rule_for(call_of(torch::zeros(sizes, dtype), options)).name;
  }

 private:
  int threads_ = at::get_num_threads();
};

TEST_F(RuleTest, FoldsTheStemOfPhotographs) {
  const ConvOptions stem = {.in_channels = 1,
                            .out_channels = 64,
                            .kernel = cube(7),
                            .stride = {1, 2, 2},
                            .padding = cube(3)};
  EXPECT_EQ(rule({2, 1, 3, 8, 8}, stem), "folded");
  EXPECT_EQ(rule({2, 1, 32, 8, 8}, stem), "conv3d");
  EXPECT_EQ(rule({2, 1, 3, 8, 8}, stem, torch::kFloat64), "conv3d");
  ConvOptions strided = stem;
  strided.stride = cube(2);
  EXPECT_EQ(rule({2, 1, 3, 8, 8}, strided), "conv3d");
}

TEST_F(RuleTest, TakesOnednnWhereLibTorchDoesNot) {
  if (at::hasMKL() || !at::hasMKLDNN()) {
    GTEST_SKIP() << "this LibTorch has MKL, or no oneDNN";
  }
  const ConvOptions body = {.in_channels = 4,
                            .out_channels = 6,
                            .kernel = cube(3),
                            .padding = cube(1)};
  EXPECT_EQ(rule({2, 4, 3, 8, 8}, body), "conv3d");
  EXPECT_EQ(rule({1, 4, 3, 8, 8}, body), "onednn");
  EXPECT_EQ(rule({1, 4, 99, 99, 8}, body), "conv3d");
  const ConvOptions depth_taps = {.in_channels = 4,
                                  .out_channels = 4,
                                  .kernel = {3, 1, 1},
                                  .padding = {1, 0, 0}};
  EXPECT_EQ(rule({2, 4, 9, 8, 8}, depth_taps), "onednn");
  EXPECT_EQ(rule({16, 4, 9, 8, 8}, depth_taps), "conv3d");
  EXPECT_EQ(rule({2, 4, 9, 8, 8}, depth_taps, torch::kFloat64), "conv3d");
  at::set_num_threads(2);
  EXPECT_EQ(rule({2, 4, 9, 8, 8}, depth_taps), "conv3d");
}

TEST(PlaneConvTest, IsConv2d) {
  torch::manual_seed(4);
  PlaneConv layer(plane_conv(3, 5, 3));
  const torch::NoGradGuard no_grad;
  layer->weight.normal_();
  layer->bias.normal_();
  const torch::Tensor x = torch::randn({2, 3, 6, 7});
  EXPECT_TRUE(torch::allclose(
      layer->forward(x), torch::conv2d(x, layer->weight, layer->bias, 1, 1),
      1e-5, 1e-5));
}

TEST(WayChooserTest, IsAskedByEveryConvolutionOfANetwork) {
  torch::nn::Sequential network(
      Conv3d(ConvOptions{.in_channels = 1, .out_channels = 2}),
      Conv3d(ConvOptions{.in_channels = 2, .out_channels = 2}));
  std::vector<bool> needs;
  set_way_chooser(
      *network,
      [&needs](const ConvCall& call, bool needs_gradient) -> const ConvWay& {
        needs.push_back(needs_gradient);
        return rule_for(call);
      });
  network->forward(torch::ones({2, 1, 2, 2, 2}));
  EXPECT_EQ(needs, (std::vector<bool>{false, true}));
}

}  // namespace
}  // namespace voxlift::trainer
