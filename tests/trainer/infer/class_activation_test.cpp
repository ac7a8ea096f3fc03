#include "trainer/infer/class_activation.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "base/files.h"
#include "dataio/decode/decoder.h"
#include "dataio/encode/nifti_mask.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"
#include "trainer/comm/self_comm.h"
#include "trainer/infer/scan_predictor.h"

namespace voxlift::trainer {
namespace {

using test::expect_error;

ModelConfig tiny(const std::string& network) {
  ModelConfig config;
  config.network = network;
  config.classes = 3;
  config.resnet.stem_channels = 4;
  config.resnet.base_channels = 4;
  return config;
}

Network classifier(const std::string& name = "resnet3d") {
  Network network = make_network(tiny(name), 5);
  torch::manual_seed(2);
  const torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : network.module->parameters()) {
    parameter.add_(0.1 * torch::randn_like(parameter));
  }
  network.module->eval();
  return network;
}

class ClassActivationTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ClassActivationTest, TheMeanOfTheMapAndTheBiasAreTheLogit) {
  const torch::NoGradGuard no_grad;
  const Network network = classifier(GetParam());
  const PooledClassifier parts = pooled_classifier(network, GetParam());
  const torch::Tensor x_NCDHW = torch::randn({2, 1, 16, 40, 24});
  const torch::Tensor features = parts.features(x_NCDHW);
  ASSERT_GT(features[0][0].numel(), 1);
  const torch::Tensor logits_NK = network.forward(x_NCDHW);
  EXPECT_TRUE(torch::equal(parts.logits(features), logits_NK));
  for (int64_t k = 0; k < 3; ++k) {
    const torch::Tensor map_NDHW = parts.activation(features, k);
    EXPECT_EQ(map_NDHW.sizes().slice(1), features.sizes().slice(2));
    const torch::Tensor score_N = map_NDHW.flatten(1).mean(1) + parts.bias_K[k];
    EXPECT_TRUE(torch::allclose(score_N, logits_NK.select(1, k), 1e-4, 1e-5))
        << score_N << logits_NK;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ClassActivationTest,
                         testing::Values("resnet3d", "genesis_encoder"));

TEST(PooledClassifierTest, RefusesOtherNetworks) {
  const Network network = make_network(tiny("unet3d"), 1);
  expect_error<ConfigError>(
      [&] { (void)pooled_classifier(network, "unet3d"); },
      {"'unet3d' has no class activation maps", "global average pool"});
}

// PyTorch's own interpolation, where the map covers the whole scan.
TEST(ActivationOnGridTest, IsTrilinearBetweenTheMapsCentres) {
  const torch::Tensor map_DHW = torch::randn({2, 3, 1});
  const ScanGrid scan = {{8, 6, 5},
                         {{{0, 0.5, 2, 7}, {0, 3, 0.25, 4}, {1.5, 0, 0, 1}}}};
  std::vector<float> values = activation_on_grid(map_DHW, scan, scan, "scan");
  const torch::Tensor expected = torch::upsample_trilinear3d(
      map_DHW.view({1, 1, 2, 3, 1}), {8, 6, 5}, false)[0][0];
  EXPECT_TRUE(torch::allclose(torch::from_blob(values.data(), {8, 6, 5}),
                              expected, 1e-4, 1e-5));
}

TEST(ActivationOnGridTest, FollowsTurnsAndIsZeroBeyondTheCrop) {
  const ScanGrid scan = {{4, 1, 6}, dataio::kIdentityAffine};
  // The crop's depth runs along the scan's width, backwards, from voxel 4 to 1.
  const ScanGrid crop = {{4, 4, 1},
                         {{{-1, 0, 0, 4}, {0, 0, 1, 0}, {0, 1, 0, 0}}}};
  const torch::Tensor map_DHW = torch::arange(16.0F).view({4, 4, 1});
  const std::vector<float> values =
      activation_on_grid(map_DHW, crop, scan, "scan");
  for (int64_t d = 0; d < 4; ++d) {
    for (int64_t w = 0; w < 6; ++w) {
      const bool seen = w >= 1 && w <= 4;
      EXPECT_EQ(values[static_cast<size_t>(6 * d + w)],
                seen ? static_cast<float>(4 * (4 - w) + d) : 0.0F)
          << d << " " << w;
    }
  }
}

class ActivationPredictorTest : public ::testing::Test {
 protected:
  ActivationPredictorTest() {
    std::vector<uint8_t> voxels(20 * 30 * 40);
    for (size_t i = 0; i < voxels.size(); ++i) {
      voxels[i] = static_cast<uint8_t>(i * i % 251);
    }
    path_ = dir_.write("scan.nii.gz",
                       std::string(as_text(dataio::encode_nifti_mask_gz(
                           voxels, {{20, 30, 40}, {2, 1.5, 1}, kAffine}))));
    transform_.shape = {16, 32, 32};
  }

  Prediction predict(ScanPredictor& predictor) {
    const PreparedScan scan({.path = path_}, dataio::parse_recipe("orient:LPS"),
                            transform_);
    SelfComm comm;
    return predictor.predict(scan, comm);
  }

  Prediction predict(const std::string& cam) {
    const auto predictor = make_activation_predictor(
        pooled_classifier(network_, "resnet3d"), classes_, transform_, cam);
    return predict(*predictor);
  }

  static constexpr dataio::Affine kAffine = {
      {{0, 0, 1, 3}, {0, 1.5, 0, 4}, {2, 0, 0, 5}}};
  const std::vector<std::string> classes_ = {"none", "benign", "malignant"};
  test::TempDir dir_;
  std::string path_;
  dataio::VolumeTransformConfig transform_;
  Network network_ = classifier();
};

TEST_F(ActivationPredictorTest, ScoresAreThoseWithoutAMap) {
  const auto plain =
      make_class_predictor(network_.forward, classes_, transform_);
  const Prediction with = predict("best");
  EXPECT_EQ(with.values, predict(*plain).values);
  EXPECT_TRUE(predict(*plain).files.empty());
  // The predicted class's map, by its name.
  const auto best = with.values[0].second.get<std::string>();
  EXPECT_EQ(predict(best).files.at(0).bytes, with.files.at(0).bytes);
  const std::string other = best == "none" ? "benign" : "none";
  EXPECT_NE(predict(other).files.at(0).bytes, with.files.at(0).bytes);
}

TEST_F(ActivationPredictorTest, TheMapLiesOnTheScansGrid) {
  const Prediction prediction = predict("benign");
  ASSERT_EQ(prediction.files.size(), 1U);
  EXPECT_EQ(prediction.files[0].extension, ".cam.nii.gz");
  const dataio::Volume map =
      dataio::decode_volume(prediction.files[0].bytes, "cam");
  EXPECT_EQ(map.shape, (dataio::Shape3{20, 30, 40}));
  EXPECT_EQ(map.affine, kAffine);
  // The crop of 16 of 20 slices leaves out two at each end; all 30 rows are
  // seen, and 32 of 40 columns.
  EXPECT_EQ(map.at(1, 15, 20), 0.0F);
  EXPECT_NE(map.at(2, 0, 20), 0.0F);
  EXPECT_EQ(map.at(18, 15, 20), 0.0F);
  EXPECT_EQ(map.at(10, 15, 3), 0.0F);
  EXPECT_NE(map.at(10, 15, 4), 0.0F);
}

TEST_F(ActivationPredictorTest, RefusesAnUnknownClass) {
  expect_error<ConfigError>(
      [&] { predict("bengin"); },
      {"cam = 'bengin': must be best or one of none, benign, malignant"});
}

}  // namespace
}  // namespace voxlift::trainer
