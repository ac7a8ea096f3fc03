#include "trainer/detection/roi_head.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/trainer/detection/numeric_gradient.h"
#include "trainer/detection/roi_align.h"

namespace voxlift::trainer {
namespace {

constexpr ImageSize kSize = {.height = 64, .width = 64};

double value(const torch::Tensor& loss) {
  return loss.item<double>();
}

torch::Tensor ints(const std::vector<int64_t>& values) {
  return torch::tensor(values, torch::kInt64);
}

TEST(LevelsOfBoxesTest, DoubleFromLevelToLevel) {
  const auto square = [](float side) {
    return torch::tensor({0.0F, 0.0F, side, side});
  };
  const torch::Tensor boxes =
      torch::stack({square(1), square(111.9F), square(112), square(223),
                    square(224), square(448), square(5000), square(0)});
  EXPECT_TRUE(
      levels_of_boxes(boxes, 56.0, 4).equal(ints({0, 0, 1, 1, 2, 3, 3, 0})));
}

TEST(AlignOnLevelsTest, KeepsTheOrderOfTheBoxes) {
  const std::vector<torch::Tensor> levels = {torch::full({1, 2, 32, 32}, 1.0),
                                             torch::full({1, 2, 16, 16}, 2.0)};
  const torch::Tensor rois = torch::tensor({{0.0, 0.0, 0.0, 120.0, 120.0},
                                            {0.0, 8.0, 8.0, 24.0, 24.0},
                                            {0.0, 4.0, 4.0, 120.0, 120.0}});
  const torch::Tensor maps = align_on_levels(levels, {4, 8}, rois, {});
  EXPECT_EQ(maps.sizes(), torch::IntArrayRef({3, 2, 7, 7}));
  EXPECT_TRUE(maps.flatten(1).mean(1).allclose(torch::tensor({2.0, 1.0, 2.0})));
}

TEST(RoiHeadTest, HasThePublishedNumberOfParametersAndNames) {
  RoiHead head(RoiConfig{}, 256, 1);
  int64_t count = 0;
  for (const torch::Tensor& parameter : head->parameters()) {
    count += parameter.numel();
  }
  EXPECT_EQ(count, 13'901'830);
  const auto named = head->named_parameters();
  for (const char* name :
       {"bbox_head.shared_fcs.0.weight", "bbox_head.shared_fcs.1.bias",
        "bbox_head.fc_cls.weight", "bbox_head.fc_reg.bias"}) {
    EXPECT_TRUE(named.contains(name)) << name;
  }
  EXPECT_EQ(named["bbox_head.fc_cls.weight"].size(0), 2);
}

TrueBoxes one_truth(int64_t label = 0) {
  return {torch::tensor({{10.0, 10.0, 30.0, 30.0}}), ints({label})};
}

TEST(SampleRoisTest, AddsTheTruthAndPutsBackgroundLast) {
  RoiConfig config;
  config.sample.count = 8;
  const torch::Tensor proposals = torch::tensor({{40.0, 40.0, 60.0, 60.0},
                                                 {12.0, 10.0, 30.0, 30.0},
                                                 {0.0, 0.0, 5.0, 5.0}});
  const RoiTargets targets =
      sample_rois({proposals}, {one_truth(2)}, 3, config);
  EXPECT_TRUE(targets.labels_R.equal(ints({2, 2, 3, 3})));
  EXPECT_TRUE(
      targets.rois_R5[0].equal(torch::tensor({0.0, 10.0, 10.0, 30.0, 30.0})));
  EXPECT_TRUE(
      targets.rois_R5[1].equal(torch::tensor({0.0, 12.0, 10.0, 30.0, 30.0})));
  EXPECT_TRUE(targets.deltas_P4[0].equal(torch::zeros({4})));
  // Centre 1 to the left of 18, over the deviations.
  EXPECT_NEAR(targets.deltas_P4[1][0].item<double>(), -10.0 / 18.0, 1e-6);
  EXPECT_NEAR(targets.deltas_P4[1][2].item<double>(),
              5.0 * std::log(20.0 / 18.0), 1e-6);
}

TEST(SampleRoisTest, KnowsPicturesWithoutAnything) {
  const TrueBoxes none = {torch::zeros({0, 4}), ints({})};
  const RoiTargets targets = sample_rois({torch::zeros({0, 4})}, {none}, 1, {});
  EXPECT_EQ(targets.rois_R5.sizes(), torch::IntArrayRef({0, 5}));
  RoiHead head(RoiConfig{.fc_channels = 4}, 2, 1);
  const std::vector<torch::Tensor> levels(4, torch::zeros({1, 2, 4, 4}));
  const BoxLosses losses = roi_loss(
      head->forward(levels, {4, 8, 16, 32}, targets.rois_R5), targets, {});
  EXPECT_EQ(value(losses.scores), 0.0);
  EXPECT_EQ(value(losses.boxes), 0.0);
  (losses.scores + losses.boxes).backward();
}

// Two rows with classes 1 and 0, one of background.
RoiTargets made_targets() {
  return {torch::zeros({3, 5}), ints({1, 0, 2}),
          torch::tensor({{0.5, 0.0, 0.0, 0.0}, {0.0, 0.0, -3.0, 0.0}},
                        torch::kFloat64)};
}

TEST(RoiLossTest, DividesByAllRowsAndTakesTheColumnsOfTheClass) {
  RoiHeadImpl::Outputs outputs = {torch::zeros({3, 3}), torch::zeros({3, 8})};
  const RoiTargets targets = made_targets();
  BoxLosses losses = roi_loss(outputs, targets, {});
  EXPECT_NEAR(value(losses.scores), std::log(3.0), 1e-6);
  EXPECT_NEAR(value(losses.boxes), (0.125 + 2.5) / 3.0, 1e-6);
  outputs.deltas_R4[0][4] = 0.5;   // Row 0 is of class 1.
  outputs.deltas_R4[1][2] = -3.0;  // Row 1 is of class 0.
  outputs.deltas_R4[2].fill_(9.0);
  losses = roi_loss(outputs, targets, {});
  EXPECT_EQ(value(losses.boxes), 0.0);
}

TEST(RoiLossTest, HasTheGradientOfItsFormula) {
  torch::manual_seed(6);
  const RoiTargets targets = made_targets();
  test::expect_gradient(
      [&](const torch::Tensor& x) {
        const BoxLosses losses =
            roi_loss({x.narrow(1, 0, 3), x.narrow(1, 3, 8)}, targets, {});
        return losses.scores + losses.boxes;
      },
      torch::randn({3, 11}, torch::kFloat64));
}

TEST(DetectionsTest, AreOfEveryClassBestFirst) {
  const torch::Tensor proposals = torch::tensor({{10.0, 10.0, 30.0, 30.0},
                                                 {11.0, 10.0, 31.0, 30.0},
                                                 {40.0, 40.0, 90.0, 60.0}});
  const torch::Tensor logits =
      torch::tensor({{2.0, 0.0, 0.0}, {1.0, 1.5, 0.0}, {0.0, 3.0, 0.0}});
  const RoiHeadImpl::Outputs outputs = {logits, torch::zeros({3, 8})};
  const Detections found = detections_of(outputs, proposals, kSize, {});
  // Class 0 of row 1 lies in row 0's, class 1 of row 0 in row 1's.
  EXPECT_TRUE(found.labels_N.equal(ints({1, 0, 1, 0})));
  EXPECT_TRUE(found.boxes_N4[0].equal(torch::tensor({40.0, 40.0, 64.0, 60.0})));
  EXPECT_FLOAT_EQ(found.scores_N[1].item<float>(),
                  logits.softmax(1)[0][0].item<float>());
  RoiConfig strict;
  strict.min_score = 0.5;
  EXPECT_EQ(detections_of(outputs, proposals, kSize, strict).labels_N.size(0),
            3);
  RoiConfig few;
  few.max_per_image = 2;
  EXPECT_EQ(detections_of(outputs, proposals, kSize, few).scores_N.size(0), 2);
  const Detections none =
      detections_of({torch::zeros({0, 3}), torch::zeros({0, 8})},
                    torch::zeros({0, 4}), kSize, {});
  EXPECT_EQ(none.boxes_N4.sizes(), torch::IntArrayRef({0, 4}));
}

}  // namespace
}  // namespace voxlift::trainer
