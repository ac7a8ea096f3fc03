#include "trainer/weights/convert.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/model/make_network.h"
#include "trainer/weights/load_weights.h"

namespace voxlift::trainer {
namespace {

TEST(ConvertTest, InflationGivesThe2DResultForEqualPlanes) {
  torch::manual_seed(3);
  const torch::Tensor kernel = torch::randn({4, 2, 3, 3});
  const torch::Tensor plane = torch::randn({1, 2, 10, 12});
  const torch::Tensor expected = torch::conv2d(plane, kernel, {}, 1, 1);
  const torch::Tensor volume =
      plane.unsqueeze(2).expand({1, 2, 7, 10, 12}).contiguous();
  const torch::Tensor inflated =
      converted(kernel, {4, 2, 3, 3, 3}, {.convert = "i3d"});
  const torch::Tensor found = torch::conv3d(volume, inflated, {}, 1, 1);
  for (int64_t d = 1; d < 6; ++d) {  // The ends see zeros.
    EXPECT_TRUE(torch::allclose(found.select(2, d), expected, 1e-4, 1e-5));
  }
  EXPECT_FALSE(torch::allclose(found.select(2, 0), expected, 1e-2, 1e-2));
}

TEST(ConvertTest, ColoursBecomeOneChannel) {
  const torch::Tensor kernel = torch::randn({4, 3, 7, 7});
  const torch::Tensor sum =
      converted(kernel, {4, 1, 7, 7}, {.convert = "acs", .rgb = "sum"});
  EXPECT_TRUE(torch::allclose(sum, kernel.sum(1, true)));
  const torch::Tensor mean =
      converted(kernel, {4, 1, 1, 7, 7}, {.convert = "2.5d", .rgb = "mean"});
  EXPECT_TRUE(torch::allclose(mean, kernel.mean(1, true).unsqueeze(2)));
  // Only where the network has one channel, and never without being asked.
  EXPECT_EQ(converted(kernel, {4, 3, 7, 7}, {.rgb = "sum"}).size(1), 3);
  EXPECT_EQ(converted(kernel, {4, 1, 7, 7}, {}).size(1), 3);
}

TEST(ConvertTest, NamesWhatDoesNotGoTogether) {
  test::expect_error<ConfigError>(
      [] { ConvertConfig{.convert = "acs"}.validate("init.", "conv3d"); },
      {"init.convert = 'acs'", "needs model.conv = 'acs'", "it is 'conv3d'"});
  test::expect_error<ConfigError>(
      [] { ConvertConfig{.convert = "3d"}.validate("init.", "conv3d"); },
      {"init.convert = '3d'", "none, i3d, acs or 2.5d"});
  test::expect_error<ConfigError>(
      [] { ConvertConfig{.rgb = "max"}.validate("init.", "conv3d"); },
      {"init.rgb = 'max'", "none, sum or mean"});
}

// The tensors of torchvision's ResNet-18: those of the network in 2D, bare.
TensorMap torchvision_resnet18() {
  ModelConfig config;
  config.classes = 1000;
  config.resnet.in_channels = 3;
  config.resnet.conv = "acs";
  TensorMap tensors;
  for (const auto& [name, tensor] :
       named_tensors(*make_network(config, 5).module)) {
    tensors.emplace_back(name.substr(name.find('.') + 1), tensor);
  }
  for (auto& [name, tensor] : tensors) {
    if (name == "fc.weight") {
      EXPECT_EQ(tensor.size(0), 1000);
    }
  }
  return tensors;
}

TEST(ConvertTest, ANetworkOfTorchvisionStartsEveryKind) {
  const TensorMap source = torchvision_resnet18();
  for (const auto& [convert, conv] :
       std::vector<std::pair<std::string, std::string>>{
           {"i3d", "conv3d"}, {"acs", "acs"}, {"2.5d", "2.5d"}}) {
    ModelConfig config;
    config.classes = 2;
    config.resnet.conv = conv;
    const Network network = make_network(config, 6);
    const MatchReport report =
        match_weights(*network.module, source,
                      {.convert = {.convert = convert, .rgb = "sum"}});
    EXPECT_EQ(report.matched_frac(), 1.0) << convert;
    EXPECT_EQ(report.converted.size(), convert == "acs" ? 1U : 20U) << convert;
  }
  ModelConfig config;
  config.classes = 2;
  const Network network = make_network(config, 6);
  EXPECT_EQ(match_weights(*network.module, source, {}).reshaped.size(), 20U);
}

}  // namespace
}  // namespace voxlift::trainer
