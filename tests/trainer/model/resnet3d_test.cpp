#include "trainer/model/resnet3d.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/model/classifier.h"
#include "trainer/model/model_json.h"

namespace voxlift::trainer {
namespace {

int64_t num_parameters(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const torch::Tensor& tensor : module.parameters()) {
    count += tensor.numel();
  }
  return count;
}

std::vector<int64_t> channels_and_space(const torch::Tensor& tensor) {
  return tensor.sizes().slice(1).vec();
}

using Shapes = std::vector<std::vector<int64_t>>;

Shapes stage_shapes(const ResNet3DOptions& options,
                    const std::vector<int64_t>& input) {
  const torch::NoGradGuard no_grad;
  ResNet3D net(options);
  net->eval();
  Shapes shapes;
  for (const torch::Tensor& output : net->forward(torch::zeros(input))) {
    shapes.push_back(channels_and_space(output));
  }
  return shapes;
}

// The published table of parameter counts.
TEST(ResNet3DTest, HasThePublishedNumberOfParameters) {
  const std::vector<std::pair<std::string, int64_t>> table = {
      {"18", 33'160'000},
      {"34", 63'469'632},
      {"50", 46'155'072},
      {"101", 85'201'216},
      {"152", 117'359'936}};
  for (const auto& [depth, count] : table) {
    EXPECT_EQ(num_parameters(*ResNet3D(ResNet3DOptions{.depth = depth})),
              count);
  }
  EXPECT_EQ(num_parameters(*ResNet3D(ResNet3DOptions{.deep_stem = true})),
            33'221'984);
}

TEST(ResNet3DTest, ClassifierHasThePublishedNumberOfParameters) {
  ModelConfig config;
  config.classes = 1000;
  EXPECT_EQ(num_parameters(*Classifier(config)), 33'673'000);
  config.classes = 2;
  EXPECT_EQ(num_parameters(*Classifier(config)), 33'161'026);
}

// The published table of shapes, in plane a fourth of it where it is large.
TEST(ResNet3DTest, KeepsThePlanesOfAPhotograph) {
  EXPECT_EQ(
      stage_shapes({}, {1, 3, 64, 64}),
      (Shapes{
          {64, 3, 16, 16}, {128, 3, 8, 8}, {256, 3, 4, 4}, {512, 3, 2, 2}}));
}

TEST(ResNet3DTest, StridesDepthOfScansWhereAskedTo) {
  EXPECT_EQ(
      stage_shapes({.depth_stride = true}, {1, 1, 48, 48, 48}),
      (Shapes{
          {64, 12, 12, 12}, {128, 6, 6, 6}, {256, 3, 3, 3}, {512, 2, 2, 2}}));
}

TEST(ResNet3DTest, SkipsThePoolWithoutStemStride) {
  EXPECT_EQ(
      stage_shapes({.stem_channels = 8,
                    .base_channels = 8,
                    .depth_stride = true,
                    .stem_stride = false,
                    .strides = {1, 2, 1, 2}},
                   {1, 1, 16, 16, 16}),
      (Shapes{{8, 16, 16, 16}, {16, 8, 8, 8}, {32, 8, 8, 8}, {64, 4, 4, 4}}));
}

TEST(ResNet3DTest, ShortcutAHasNoParametersAndPadsWithZeros) {
  const ResNet3DOptions a = {
      .depth = "50", .stem_channels = 8, .base_channels = 8, .shortcut = "A"};
  ResNet3D net(a);
  for (const auto& item : net->named_parameters()) {
    EXPECT_EQ(item.key().find("downsample"), std::string::npos);
  }
  EXPECT_EQ(stage_shapes(a, {1, 3, 32, 32}).back(),
            (std::vector<int64_t>{256, 3, 1, 1}));
}

TEST(ResNet3DTest, AvgDownKeepsThePublishedNames) {
  ResNet3D net(ResNet3DOptions{
      .stem_channels = 8, .base_channels = 8, .avg_down = true});
  const auto named = net->named_parameters();
  EXPECT_TRUE(named.contains("layer2.0.downsample.1.weight"));
  EXPECT_TRUE(named.contains("layer2.0.downsample.2.weight"));
  EXPECT_EQ(stage_shapes({.stem_channels = 8,
                          .base_channels = 8,
                          .depth_stride = true,
                          .avg_down = true},
                         {1, 1, 32, 32, 32})
                .back(),
            (std::vector<int64_t>{64, 1, 1, 1}));
}

TEST(ResNet3DTest, DeepStemHasThePublishedNames) {
  ResNet3D net(ResNet3DOptions{.deep_stem = true, .norm = {.kind = "gn"}});
  const auto named = net->named_parameters();
  EXPECT_TRUE(named.contains("stem.0.conv.weight"));
  EXPECT_TRUE(named.contains("stem.2.gn.weight"));
  EXPECT_TRUE(named.contains("layer1.0.gn2.bias"));
}

TEST(ResNet3DTest, CaffeStyleStridesInTheFirstConvolution) {
  const ResNet3DOptions options = {
      .depth = "50", .stem_channels = 8, .base_channels = 8, .style = "caffe"};
  EXPECT_EQ(stage_shapes(options, {1, 3, 32, 32}).back(),
            (std::vector<int64_t>{256, 3, 1, 1}));
}

TEST(ResNet3DTest, NamesTheLegalDepths) {
  test::expect_error<ConfigError>(
      [] { ResNet3DOptions{.depth = "19"}.validate("model."); },
      {"model.depth = 19", "18, 34, 50, 101 or 152"});
}

TEST(ClassifierTest, StartsFromTheSeedAlone) {
  ModelConfig config;
  config.classes = 3;
  config.resnet.stem_channels = 8;
  config.resnet.base_channels = 8;
  Classifier first(config);
  Classifier second(config);
  Classifier other(config);
  initialize(*first, 1);
  initialize(*second, 1);
  initialize(*other, 2);
  const auto a = first->named_parameters();
  const auto b = second->named_parameters();
  const auto c = other->named_parameters();
  EXPECT_TRUE(torch::equal(a["head.fc.weight"], b["head.fc.weight"]));
  EXPECT_FALSE(torch::equal(a["head.fc.weight"], c["head.fc.weight"]));
  EXPECT_FALSE(torch::equal(a["backbone.layer1.0.conv1.weight"],
                            a["backbone.layer1.1.conv1.weight"]));
  const double bound = 1.0 / std::sqrt(343.0);
  const torch::Tensor stem = a["backbone.conv1.weight"];
  EXPECT_LE(stem.abs().max().item<double>(), bound);
  EXPECT_NEAR(stem.std().item<double>(), bound / std::sqrt(3.0), 0.05 * bound);
  EXPECT_EQ(a["backbone.layer1.0.bn2.weight"].abs().max().item<double>(), 0.0);
  EXPECT_EQ(a["backbone.bn1.weight"].min().item<double>(), 1.0);
}

TEST(ModelJsonTest, ReadsDepthAsTextAndRefusesUnknownKeys) {
  const ModelConfig config = model_config_from_json({{"network", "resnet3d"},
                                                     {"depth", "50"},
                                                     {"norm", "gn"},
                                                     {"shortcut_type", "A"}},
                                                    "x.h5");
  EXPECT_EQ(config.resnet.shortcut, "A");
  EXPECT_EQ(config.resnet.depth, "50");
  EXPECT_EQ(config.resnet.norm.kind, "gn");
  EXPECT_EQ(to_json(model_config_from_json(to_json(config), "x")),
            to_json(config));
  test::expect_error<DataError>(
      [] {
        model_config_from_json({{"depht", 18}}, "x.h5");
      },
      {"x.h5", "'depht'"});
}

TEST(BatchNormTest, KeepsSlotStatisticsApartFromRunningOnes) {
  BatchNormImpl norm(2);
  const torch::Tensor x = torch::randn({4, 2, 3, 5, 5}) * 3.0 + 1.0;
  norm.forward(x);
  EXPECT_TRUE(torch::equal(norm.running_mean, torch::zeros({2})));
  EXPECT_TRUE(torch::allclose(norm.slot_mean, x.mean({0, 2, 3, 4}), 1e-4));
  EXPECT_TRUE(torch::allclose(norm.slot_var,
                              x.transpose(0, 1).reshape({2, -1}).var(1), 1e-4));
  norm.update_running(norm.slot_mean, norm.slot_var);
  EXPECT_TRUE(torch::allclose(norm.running_mean, 0.1 * norm.slot_mean));
  EXPECT_TRUE(torch::allclose(norm.running_var, 0.9 + 0.1 * norm.slot_var));
  EXPECT_EQ(norm.num_batches_tracked.item<int64_t>(), 1);
}

TEST(BatchNormTest, OneValuePerChannelHasNoVariance) {
  BatchNormImpl norm(2);
  const torch::Tensor y = norm.forward(torch::ones({1, 2, 1, 1, 1}));
  EXPECT_TRUE(y.isfinite().all().item<bool>());
  EXPECT_TRUE(torch::equal(norm.slot_var, torch::zeros({2})));
}

}  // namespace
}  // namespace voxlift::trainer
