// `voxlift import` and `voxlift export` as a user runs them.

#include <gtest/gtest.h>

#include "base/files.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"
#include "trainer/model/make_network.h"
#include "trainer/weights/network_weights.h"

namespace voxlift::launcher {
namespace {

using test::ChildResult;
using trainer::TensorMap;

class WeightsCommandsTest : public ::testing::Test {
 protected:
  static ChildResult voxlift(std::vector<std::string> args) {
    args.insert(args.begin(), VOXLIFT);
    return test::run_program(args);
  }

  // A colour ResNet-18 in 2D, as torchvision names its tensors.
  std::string write_2d_network() {
    trainer::ModelConfig config;
    config.classes = 10;
    config.resnet.conv = "acs";
    config.resnet.in_channels = 3;
    config.resnet.stem_channels = 8;
    config.resnet.base_channels = 8;
    TensorMap tensors =
        trainer::named_tensors(*trainer::make_network(config, 1).module);
    for (auto& [name, tensor] : tensors) {
      name = name.substr(name.find('.') + 1);
    }
    RealFiles files;
    const std::string path = dir_.file("flat.pth");
    trainer::write_network_weights({tensors, Json(), "flat"}, {}, files, path);
    return path;
  }

  test::TempDir dir_;
  const std::vector<std::string> narrow_ = {"--stem_channels", "8",
                                            "--base_channels", "8"};
};

TEST_F(WeightsCommandsTest, ImportConvertsAndExportKeepsTheNetwork) {
  const std::string ours = dir_.file("i3d.safetensors");
  std::vector<std::string> args = {
      "import", write_2d_network(), ours,        "--convert",
      "i3d",    "--rgb=sum",        "--network", "resnet3d"};
  args.insert(args.end(), narrow_.begin(), narrow_.end());
  const ChildResult imported = voxlift(args);
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_NE(imported.out.find("matched: 102"), std::string::npos)
      << imported.out;
  EXPECT_NE(imported.out.find("of these converted: 20"), std::string::npos);
  EXPECT_NE(imported.out.find("missing (kept as initialised): 0"),
            std::string::npos);
  const ChildResult exported =
      voxlift({"export", ours, dir_.file("i3d.pth"), "--dtype", "float16"});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  RealFiles files;
  const auto weights =
      trainer::read_network_weights(files, dir_.file("i3d.pth"));
  EXPECT_EQ(weights.network["classes"], 10);
  EXPECT_EQ(weights.network["base_channels"], 8);
  EXPECT_EQ(weights.tensors[0].first, "backbone.conv1.weight");
  EXPECT_EQ(weights.tensors[0].second.sizes().vec(),
            (std::vector<int64_t>{8, 1, 7, 7, 7}));
  EXPECT_EQ(weights.tensors[0].second.scalar_type(), torch::kFloat16);
}

TEST_F(WeightsCommandsTest, RefusesWhatDoesNotFitInOneLine) {
  const std::string file = write_2d_network();
  const ChildResult other =
      voxlift({"import", file, dir_.file("o.safetensors"), "--depth", "50"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.err.find("min-matched-frac = 0.9"), std::string::npos)
      << other.err;
  const ChildResult kind =
      voxlift({"import", file, dir_.file("o.safetensors"), "--convert", "acs"});
  EXPECT_EQ(kind.exit_code, 2);
  EXPECT_NE(kind.err.find("needs model.conv = 'acs'"), std::string::npos);
  const ChildResult list =
      voxlift({"import", file, dir_.file("o.safetensors"), "--list", "-1"});
  EXPECT_EQ(list.exit_code, 2);
  EXPECT_NE(list.err.find("list = -1: must be at least 0"), std::string::npos)
      << list.err;
  dir_.write("bad.pth", "GIF89a, not weights");
  const ChildResult bad =
      voxlift({"export", dir_.file("bad.pth"), dir_.file("o.pth")});
  EXPECT_EQ(bad.exit_code, 3);
  EXPECT_NE(bad.err.find("bad.pth"), std::string::npos);
  EXPECT_EQ(voxlift({"export", file}).exit_code, 2);
  EXPECT_FALSE(RealFiles().exists(dir_.file("o.safetensors")));
}

TEST_F(WeightsCommandsTest, BothExplainThemselves) {
  for (const char* command : {"import", "export"}) {
    const ChildResult help = voxlift({command, "--help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_NE(help.out.find("examples:"), std::string::npos);
  }
}

}  // namespace
}  // namespace voxlift::launcher
