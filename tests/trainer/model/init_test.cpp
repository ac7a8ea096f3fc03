#include "trainer/model/init.h"

#include <gtest/gtest.h>

#include <cmath>

#include "trainer/model/make_network.h"

namespace voxlift::trainer {
namespace {

double bound_of(const Network& network, const std::string& name) {
  return network.module->named_parameters()[name].abs().max().item<double>();
}

TEST(InitSchemeTest, FillsTheBackbonesConvolutionsAlone) {
  ModelConfig config;
  config.classes = 2;
  const std::string kernel = "backbone.layer1.0.conv1.weight";
  const double fan = 64.0 * 27.0;  // In and out.
  const Network network = make_network(config, 1);
  const torch::Tensor head =
      network.module->named_parameters()["head.fc.weight"].clone();
  const double start = bound_of(network, kernel);
  apply_scheme(*network.module, "default", 1);
  EXPECT_EQ(bound_of(network, kernel), start);
  apply_scheme(*network.module, "uniform", 1);
  EXPECT_NEAR(bound_of(network, kernel), 1.0 / std::sqrt(fan), 1e-4);
  apply_scheme(*network.module, "xavier", 1);
  EXPECT_NEAR(bound_of(network, kernel), std::sqrt(3.0 / fan), 1e-4);
  EXPECT_TRUE(
      torch::equal(network.module->named_parameters()["head.fc.weight"], head));
}

}  // namespace
}  // namespace voxlift::trainer
