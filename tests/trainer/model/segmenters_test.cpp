#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/model/make_network.h"

namespace voxlift::trainer {
namespace {

int64_t num_parameters(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const auto& parameter : module.parameters()) {
    count += parameter.numel();
  }
  return count;
}

ModelConfig config_of(const std::string& network, int64_t classes) {
  ModelConfig config;
  config.network = network;
  config.classes = classes;
  return config;
}

// The published counts: encoder 33,160,000, decoder 7,478,272, head 34,658 or
// 34,862.
TEST(SegmentersTest, UNetHasThePublishedNumberOfParameters) {
  EXPECT_EQ(num_parameters(*make_network(config_of("unet3d", 2), 0).module),
            40'672'930);
  EXPECT_EQ(num_parameters(*make_network(config_of("unet3d", 14), 0).module),
            40'673'134);
}

TEST(SegmentersTest, LidcNetworkHasThePublishedNumberOfParameters) {
  EXPECT_EQ(num_parameters(*make_network(config_of("lidc_seg", 2), 0).module),
            33'160'000 + 2'394'626);
}

class NarrowSegmenterTest : public testing::TestWithParam<const char*> {};

TEST_P(NarrowSegmenterTest, ScoresEveryVoxelOfAnOddGrid) {
  ModelConfig config = config_of(GetParam(), 3);
  config.resnet.stem_channels = 4;
  config.resnet.base_channels = 4;
  config.head_channels = 8;
  const Network network = make_network(config, 1);
  network.module->eval();
  const torch::NoGradGuard no_grad;
  const torch::Tensor scores =
      network.forward(torch::randn({1, 1, 16, 32, 24}));
  EXPECT_EQ(scores.sizes(), torch::IntArrayRef({1, 3, 16, 32, 24}));
  EXPECT_TRUE(scores.isfinite().all().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(All, NarrowSegmenterTest,
                         testing::Values("unet3d", "lidc_seg",
                                         "genesis_unet3d"));

TEST(SegmentersTest, RefusesUnknownNetworks) {
  test::expect_error<ConfigError>(
      [] { make_network(config_of("vnet", 2), 0); },
      {"model.network = 'vnet'", "'unet3d'", "'lidc_seg'"});
  test::expect_error<ConfigError>([] { make_network(config_of("mp3d", 1), 0); },
                                  {"model.network = 'mp3d'"});
}

}  // namespace
}  // namespace voxlift::trainer
