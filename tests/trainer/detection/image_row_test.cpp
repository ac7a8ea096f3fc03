#include "trainer/detection/image_row.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"

namespace voxlift::trainer {
namespace {

constexpr PixelBox kBox = {0, 0, 10, 10};
constexpr PixelBox kFar = {50, 50, 60, 60};
const std::vector<std::string> kOne = {"lesion"};

TEST(ImageRowTest, ComesBack) {
  const ImageBoxes image = {{{kBox, 0}, {kFar, 2}},
                            {{{{1.5, 2, 3, 4}, 0.25}, 2}}};
  const std::vector<double> row = row_of(image);
  EXPECT_EQ(row.size(), 1U + 10U + 6U);
  const ImageBoxes back = image_of(row);
  EXPECT_EQ(row_of(back), row);
  ASSERT_EQ(back.found.size(), 1U);
  EXPECT_EQ(back.found[0].detection.score, 0.25);
  EXPECT_EQ(back.found[0].detection.box.x1, 1.5);
  EXPECT_EQ(back.truth[1].label, 2);
  EXPECT_EQ(row_of({}), std::vector<double>{0.0});
}

TEST(ImageRowTest, RefusesAnotherForm) {
  test::expect_error<InternalError>(
      [] {
        image_of({1.0, 2.0});
      },
      {"a row of 2 numbers"});
  test::expect_error<InternalError>([] { image_of({}); },
                                    {"a row of 0 numbers"});
}

TEST(ScoreImagesTest, ScoresOneClass) {
  // Hit, false positive, hit; two images.
  const std::vector<ImageBoxes> images = {
      {{{kBox, 0}, {kFar, 0}},
       {{{kBox, 0.9}, 0}, {{{20, 20, 30, 30}, 0.8}, 0}, {{kFar, 0.7}, 0}}},
      {}};
  const Json scores = score_images(images, kOne, {});
  EXPECT_EQ(scores["images"], 2);
  EXPECT_EQ(scores["boxes"], 2);
  EXPECT_EQ(scores["sensitivity_0.5"], 1.0);
  EXPECT_EQ(scores["sensitivity_16"], 1.0);
  EXPECT_EQ(scores["sensitivity_mean"], 1.0);
  EXPECT_NEAR(scores["map50"].get<double>(), (51 + 50 * 2.0 / 3.0) / 101.0,
              1e-9);
  EXPECT_NEAR(scores["map"].get<double>(), scores["map50"].get<double>(), 1e-9);
  EXPECT_FALSE(scores.contains("by_class"));
}

TEST(ScoreImagesTest, CountsABoxAgainstItsClassAndMeansOverClassesWithTruth) {
  // Class 0 is found; what is found of class 1 lies on a box of class 0; class
  // 2 is found where nothing of it is.
  const std::vector<ImageBoxes> images = {
      {{{kBox, 0}, {kFar, 1}},
       {{{kBox, 0.9}, 0}, {{kBox, 0.8}, 1}, {{kFar, 0.7}, 2}}}};
  const Json scores = score_images(images, {"cat", "dog", "cow"}, {});
  EXPECT_EQ(scores["map50"], 0.5);
  EXPECT_EQ(scores["sensitivity_1"], 0.5);
  EXPECT_EQ(scores["by_class"].size(), 2U);
  EXPECT_EQ(scores["by_class"]["cat"]["map50"], 1.0);
  EXPECT_EQ(scores["by_class"]["dog"]["sensitivity_mean"], 0.0);
}

TEST(ScoreImagesTest, IsZeroWithoutBoxesAndTakesIobbWhereAsked) {
  const Json none = score_images({{}, {}}, kOne, {});
  EXPECT_EQ(none["boxes"], 0);
  EXPECT_EQ(none["map"], 0.0);
  EXPECT_EQ(none["sensitivity_mean"], 0.0);
  const std::vector<ImageBoxes> small = {
      {{{kBox, 0}}, {{{{0, 0, 4, 4}, 1}, 0}}}};
  EXPECT_EQ(score_images(small, kOne, {})["sensitivity_1"], 0.0);
  EXPECT_EQ(score_images(small, kOne,
                         {.overlap = BoxOverlap::kIobb})["sensitivity_1"],
            1.0);
}

}  // namespace
}  // namespace voxlift::trainer
