#include "trainer/infer/box_predictor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/files.h"
#include "dataio/decode/decoder.h"
#include "dataio/encode/nifti_mask.h"
#include "tests/support/temp_dir.h"
#include "trainer/comm/self_comm.h"

namespace voxlift::trainer {
namespace {

// Pixels 8..16 x 4..12 of every sample, with the mean of the sample as score.
std::vector<Detections> fixed_box(const Batch& batch) {
  return {{torch::tensor({{8.0F, 4.0F, 16.0F, 12.0F}}),
           batch.x_NCDHW.select(2, 1).max().reshape({1}),
           torch::tensor({int64_t{1}})}};
}

class BoxPredictorTest : public ::testing::Test {
 protected:
  // 3 slices of 20 x 16; slice d holds 10 d. With the identity affine depth
  // runs to the head, height to the front, width to the right.
  BoxPredictorTest() {
    std::vector<uint8_t> voxels(3 * 20 * 16);
    for (size_t i = 0; i < voxels.size(); ++i) {
      voxels[i] = static_cast<uint8_t>(10 * (i / 320));
    }
    path_ = dir_.write(
        "scan.nii.gz",
        std::string(as_text(dataio::encode_nifti_mask_gz(
            voxels, {{3, 20, 16}, {1, 1, 1}, dataio::kIdentityAffine}))));
    config_.slices.num_slices = 3;
    config_.slices.interval_mm = 0.0;
    config_.slices.eval_side = 40;
    config_.slices.train_sides = {40};
    config_.slices.window_low = 0.0;
    config_.slices.window_high = 255.0;
    config_.slices.mean = 0.0;
    config_.slices.std = 1.0;
  }

  Json predict(const std::string& recipe) {
    const PreparedScan scan({.path = path_}, dataio::parse_recipe(recipe), {});
    const auto predictor =
        make_box_predictor(fixed_box, {"other", "lesion"}, config_);
    SelfComm comm;
    prediction_ = predictor->predict(scan, comm);
    return parse_json(as_text(prediction_.files.at(0).bytes), "boxes");
  }

  test::TempDir dir_;
  std::string path_;
  BoxPredictorConfig config_;
  Prediction prediction_;
};

TEST_F(BoxPredictorTest, BoxesAreInVoxelsOfTheScan) {
  const Json found = predict("");
  ASSERT_EQ(found["boxes"].size(), 3U);
  const Json& box = found["boxes"][2];  // The sample has twice the size.
  EXPECT_EQ(box["slice"], 2);
  EXPECT_EQ(box["class"], "lesion");
  EXPECT_NEAR(box["score"].get<double>(), 20.0, 1e-3);
  EXPECT_EQ(box["low"].dump(), "[2.0,2.0,4.0]");
  EXPECT_EQ(box["high"].dump(), "[3.0,6.0,8.0]");
  EXPECT_EQ(prediction_.values[0].second, 3);
}

TEST_F(BoxPredictorTest, AreTurnedBackToTheScansGrid) {
  // Width runs to the left, height to the back.
  const Json found = predict("orient:LPS");
  const Json& box = found["boxes"][0];
  EXPECT_EQ(box["low"].dump(), "[0.0,14.0,8.0]");
  EXPECT_EQ(box["high"].dump(), "[1.0,18.0,12.0]");
}

TEST_F(BoxPredictorTest, LooksAtEverySoManySlices) {
  config_.slice_step = 2;
  const Json found = predict("");
  ASSERT_EQ(found["boxes"].size(), 2U);
  EXPECT_EQ(found["boxes"][1]["slice"], 2);
}

// 20 x 16 voxels are drawn 12 pixels wide: the frame of 4 x 4 voxels is 4 * 48
// - 4 pixels.
TEST_F(BoxPredictorTest, DrawsBoxesOnTheirSlices) {
  config_.overlay.draw = true;
  predict("");
  ASSERT_EQ(prediction_.files.size(), 2U);
  EXPECT_EQ(prediction_.files[1].extension, ".png");
  const dataio::Image sheet =
      dataio::decode_image(prediction_.files[1].bytes, "sheet");
  const dataio::Color color = dataio::class_color(1);
  int64_t colored = 0;
  for (int64_t y = 0; y < sheet.height; ++y) {
    for (int64_t x = 0; x < sheet.width; ++x) {
      colored +=
          std::equal(color.begin(), color.end(), sheet.pixel(y, x)) ? 1 : 0;
    }
  }
  EXPECT_GT(colored, 2 * (4 * 48 - 4));  // Slice 0 has the score 0.
}

}  // namespace
}  // namespace voxlift::trainer
