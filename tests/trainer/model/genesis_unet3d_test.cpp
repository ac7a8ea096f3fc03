#include "trainer/model/genesis_unet3d.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/model/make_network.h"

namespace voxlift::trainer {
namespace {

int64_t num_parameters(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const torch::Tensor& tensor : module.parameters()) {
    count += tensor.numel();
  }
  return count;
}

ModelConfig narrow(const std::string& network) {
  ModelConfig config;
  config.network = network;
  config.classes = 3;
  config.resnet.base_channels = 4;
  return config;
}

TEST(GenesisTest, HasThePublishedNumberOfParameters) {
  EXPECT_EQ(num_parameters(*GenesisUNet3D(GenesisOptions{.classes = 2})),
            19'073'730);
  EXPECT_EQ(num_parameters(*GenesisUNet3D(GenesisOptions{.classes = 14})),
            19'074'510);
  EXPECT_EQ(GenesisEncoder(GenesisOptions{})->out_channels(), 512);
}

TEST(GenesisTest, HasThePublishedNames) {
  const Network network = make_network(narrow("genesis_unet3d"), 1);
  const auto parameters = network.module->named_parameters();
  for (const char* name :
       {"down_tr64.ops.0.conv1.weight", "down_tr512.ops.1.bn1.bias",
        "up_tr256.up_conv.weight", "up_tr64.ops.1.conv1.bias",
        "out_tr.final_conv.bias"}) {
    EXPECT_TRUE(parameters.contains(name)) << name;
  }
  EXPECT_TRUE(network.module->named_buffers().contains(
      "down_tr128.ops.0.bn1.running_mean"));
  EXPECT_TRUE(make_network(narrow("genesis_encoder"), 1)
                  .module->named_parameters()
                  .contains("backbone.down_tr64.ops.0.conv1.weight"));
}

TEST(GenesisTest, GivesLogitsPerVoxelAndPerScan) {
  const torch::Tensor x = torch::randn({2, 1, 8, 16, 24});
  const torch::Tensor voxels =
      make_network(narrow("genesis_unet3d"), 1).forward(x);
  EXPECT_EQ(voxels.sizes().vec(), (std::vector<int64_t>{2, 3, 8, 16, 24}));
  EXPECT_LT(voxels.min().item<float>(), 0.0F);  // No sigmoid.
  EXPECT_EQ(make_network(narrow("genesis_encoder"), 1).forward(x).sizes().vec(),
            (std::vector<int64_t>{2, 3}));
  EXPECT_TRUE(is_for_segmentation(narrow("genesis_unet3d")));
  EXPECT_FALSE(is_for_segmentation(narrow("genesis_encoder")));
}

TEST(GenesisTest, InEvaluationASampleDoesNotSeeItsBatch) {
  const torch::NoGradGuard no_grad;
  const Network network = make_network(narrow("genesis_unet3d"), 1);
  const torch::Tensor x = torch::randn({2, 1, 16, 16, 16});
  network.module->eval();
  EXPECT_TRUE(torch::allclose(network.forward(x)[1],
                              network.forward(x.slice(0, 1))[0], 1e-4, 1e-5));
  // Of one sample, both modes are the same.
  const torch::Tensor alone = network.forward(x.slice(0, 1));
  network.module->train();
  EXPECT_TRUE(
      torch::allclose(network.forward(x.slice(0, 1)), alone, 1e-4, 1e-5));
}

TEST(GenesisTest, NamesSizesThatThreePoolsDoNotDivide) {
  const Network network = make_network(narrow("genesis_unet3d"), 1);
  test::expect_error<ConfigError>(
      [&] {
        network.forward(torch::zeros({1, 1, 8, 12, 8}));
      },
      {"12 voxels", "multiple of 8"});
  ModelConfig odd = narrow("genesis_unet3d");
  odd.resnet.base_channels = 5;
  test::expect_error<ConfigError>([&] { odd.validate("model."); },
                                  {"model.base_channels = 5", "even"});
}

}  // namespace
}  // namespace voxlift::trainer
