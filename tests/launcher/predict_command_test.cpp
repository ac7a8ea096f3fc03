// `voxlift predict` as a user runs it, with networks from weight files.

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "dataio/decode/volume_file.h"
#include "dataio/encode/nifti_mask.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"
#include "trainer/model/make_network.h"
#include "trainer/model/model_json.h"
#include "trainer/weights/network_weights.h"

namespace voxlift::launcher {
namespace {

using test::ChildResult;

class PredictCommandTest : public ::testing::Test {
 protected:
  PredictCommandTest() {
    std::vector<uint8_t> voxels(12 * 20 * 24);
    for (size_t i = 0; i < voxels.size(); ++i) {
      voxels[i] = static_cast<uint8_t>(i * 31 % 251);
    }
    scan_ = dir_.write("scan.nii.gz",
                       std::string(as_text(dataio::encode_nifti_mask_gz(
                           voxels, {{12, 20, 24}, {2, 1, 1}, kAffine}))));
  }

  static trainer::ModelConfig tiny(const std::string& network) {
    trainer::ModelConfig model;
    model.network = network;
    model.classes = 2;
    model.head_channels = 4;
    model.resnet.stem_channels = 4;
    model.resnet.base_channels = 4;
    return model;
  }

  // Drawn weights; with the network's options where `tells`.
  std::string write_weights(const std::string& name,
                            const trainer::ModelConfig& model, bool tells) {
    RealFiles files;
    const std::string path = dir_.file(name);
    const trainer::Network network = trainer::make_network(model, 3);
    trainer::write_network_weights(
        {trainer::named_tensors(*network.module),
         tells ? trainer::to_json(model) : Json(), name},
        {}, files, path);
    return path;
  }

  std::string write_config(const std::string& task, const std::string& model) {
    return dir_.write("run.cfg", "[task]\nkind = " + task +
                                     "\n[volume]\nshape = 12,16,16\n[model]\n" +
                                     model +
                                     "stem_channels = 4\nbase_channels = 4\n");
  }

  ChildResult predict(std::vector<std::string> options) {
    std::vector<std::string> args = {VOXLIFT,    "predict", "--in",
                                     scan_,      "--out",   dir_.file("out"),
                                     "--recipe="};
    args.insert(args.end(), options.begin(), options.end());
    return test::run_program(args);
  }

  std::string output(const std::string& name) const {
    return dir_.file("out/" + name);
  }

  static constexpr dataio::Affine kAffine = {
      {{0, 0, 1, 3}, {0, 1, 0, 4}, {2, 0, 0, 5}}};
  test::TempDir dir_;
  std::string scan_;
};

TEST_F(PredictCommandTest, AWeightFileWritesScoresAndAClassActivationMap) {
  const std::string weights =
      write_weights("r18.safetensors", tiny("resnet3d"), true);
  const std::string config = write_config("classification", "");
  const ChildResult result =
      predict({"--weights", weights, "--train-config", config, "--classes",
               "benign,malignant", "--cam", "malignant"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(test::read_text(output("scores.csv"))
                  .starts_with("scan,predicted,benign,malignant\nscan,"));
  const dataio::Volume map =
      dataio::read_volume({.path = output("scan.cam.nii.gz")});
  EXPECT_EQ(map.shape, (dataio::Shape3{12, 20, 24}));
  EXPECT_EQ(map.affine, kAffine);
  EXPECT_EQ(map.at(6, 1, 12), 0.0F);  // Beyond the crop of 16 rows.
  EXPECT_NE(map.at(6, 2, 12), 0.0F);
}

TEST_F(PredictCommandTest, APthWithoutOptionsTakesThoseOfTheConfiguration) {
  const std::string weights = write_weights("r18.pth", tiny("resnet3d"), false);
  const std::string config = write_config("classification", "");
  const ChildResult result =
      predict({"--weights", weights, "--train-config", config});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(test::read_text(output("scores.csv"))
                  .starts_with("scan,predicted,class 0,class 1\nscan,"));
}

// A ResNet-34 has every tensor of a ResNet-18, and more.
TEST_F(PredictCommandTest, RefusesAFileThatDoesNotFitWithAReport) {
  trainer::ModelConfig deeper = tiny("resnet3d");
  deeper.resnet.depth = "34";
  const std::string weights = write_weights("r34.pth", deeper, false);
  const std::string config = write_config("classification", "");
  const ChildResult result =
      predict({"--weights", weights, "--train-config", config});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("unexpected (in the file, not used): "),
            std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("does not fit the network of"), std::string::npos);
  EXPECT_NE(result.err.find("0 tensors are missing"), std::string::npos);
  EXPECT_FALSE(RealFiles().exists(dir_.file("out")));
}

TEST_F(PredictCommandTest, DrawsMasksOnSlices) {
  const std::string weights =
      write_weights("unet.safetensors", tiny("unet3d"), true);
  const std::string config =
      write_config("segmentation", "network = unet3d\nhead_channels = 4\n");
  const ChildResult result =
      predict({"--weights", weights, "--train-config", config, "--overlay"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string png = test::read_text(output("scan.png"));
  EXPECT_TRUE(png.starts_with("\x89PNG"));
  EXPECT_EQ(dataio::read_volume({.path = output("scan.nii.gz")}).shape,
            (dataio::Shape3{12, 20, 24}));
}

TEST_F(PredictCommandTest, RefusesWhatATaskHasNothingFor) {
  const std::string classifier =
      write_weights("r18.safetensors", tiny("resnet3d"), true);
  const std::string unet =
      write_weights("unet.safetensors", tiny("unet3d"), true);
  const auto expect_refusal = [&](const std::vector<std::string>& options,
                                  const std::string& line) {
    const ChildResult result = predict(options);
    EXPECT_EQ(result.exit_code, 2) << line;
    EXPECT_NE(result.err.find(line), std::string::npos) << result.err;
  };
  expect_refusal({"--weights", classifier}, "give --train-config");
  std::string config = write_config("classification", "");
  expect_refusal(
      {"--weights", classifier, "--train-config", config, "--overlay"},
      "overlays are of segmentation and detection");
  expect_refusal(
      {"--weights", classifier, "--train-config", config, "--cam", "malign"},
      "cam = 'malign': must be best or one of class 0, class 1");
  expect_refusal(
      {"--weights", classifier, "--train-config", config, "--classes", "a,b,c"},
      "classes has 3 names");
  expect_refusal({"--weights", dir_.file("run"), "--train-config", config},
                 "is no file: a run tells its own configuration");
  config = write_config("segmentation", "network = unet3d\n");
  expect_refusal({"--weights", unet, "--train-config", config, "--cam", "best"},
                 "class activation maps are of classification");
}

}  // namespace
}  // namespace voxlift::launcher
