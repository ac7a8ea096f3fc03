#include "trainer/metrics/detection_scores.h"

#include <gtest/gtest.h>

#include <limits>

namespace voxlift::trainer {
namespace {

constexpr PixelBox kBox = {0, 0, 10, 10};
constexpr PixelBox kFar = {50, 50, 60, 60};

TEST(BoxTest, MeasuresOverlap) {
  const PixelBox half = {5, 0, 15, 10};
  EXPECT_DOUBLE_EQ(box_iou(kBox, half), 50.0 / 150.0);
  EXPECT_DOUBLE_EQ(box_coverage(half, kBox), 0.5);
  EXPECT_EQ(box_iou(kBox, kFar), 0.0);
  EXPECT_EQ(box_iou({3, 3, 3, 3}, {3, 3, 3, 3}), 0.0);
  EXPECT_EQ(box_iou({5, 5, 2, 2}, kBox), 0.0);
}

TEST(FrocTest, CountsHitsBeforeFalsePositives) {
  // Two images, three lesions. By score: hit, miss, hit, miss, miss, hit.
  const std::vector<DetectionCase> cases = {
      {{kBox, kFar}, {{kBox, 0.9}, {{20, 20, 30, 30}, 0.8}, {kFar, 0.7}}},
      {{kBox}, {{{20, 0, 30, 9}, 0.6}, {{30, 0, 40, 9}, 0.5}, {kBox, 0.4}}}};
  const Froc froc(cases, 0.5);
  EXPECT_DOUBLE_EQ(froc.sensitivity(0.0), 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(froc.sensitivity(0.5), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(froc.sensitivity(1.0), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(froc.sensitivity(1.5), 1.0);
  EXPECT_DOUBLE_EQ(froc.sensitivity(100.0), 1.0);
  EXPECT_DOUBLE_EQ(froc.mean(), (2.0 / 3.0 + 2.0 / 3.0 + 1.0 + 1.0) / 4.0);
}

TEST(FrocTest, CountsASecondDetectionOfALesionAsNeither) {
  const std::vector<DetectionCase> cases = {
      {{kBox}, {{kBox, 0.9}, {{0, 0, 10, 9}, 0.8}, {kFar, 0.1}}}};
  const Froc froc(cases, 0.5);
  EXPECT_EQ(froc.sensitivity(0.0), 1.0);
}

TEST(FrocTest, TakesIobbWhereAsked) {
  const std::vector<DetectionCase> cases = {{{kBox}, {{{0, 0, 4, 4}, 0.9}}}};
  EXPECT_EQ(Froc(cases, 0.5).sensitivity(4.0), 0.0);
  EXPECT_EQ(Froc(cases, 0.5, BoxOverlap::kIobb).sensitivity(4.0), 1.0);
}

TEST(FrocTest, IsZeroWithoutTruthAndSkipsNan) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Froc({}, 0.5).mean(), 0.0);
  const std::vector<DetectionCase> cases = {{{kBox}, {{kBox, nan}}}};
  EXPECT_EQ(Froc(cases, 0.5).mean(), 0.0);
}

TEST(AveragePrecisionTest, IsTheAreaUnderTheCurve) {
  // Hit, miss, hit of two: precision 1 up to recall 0.5, then 2/3.
  const std::vector<DetectionCase> cases = {
      {{kBox, kFar}, {{kBox, 0.9}, {{20, 20, 30, 30}, 0.8}, {kFar, 0.7}}}};
  EXPECT_NEAR(average_precision(cases, 0.5), (51 + 50 * 2.0 / 3.0) / 101.0,
              1e-12);
  EXPECT_NEAR(mean_average_precision(cases), average_precision(cases, 0.5),
              1e-12);
  EXPECT_NEAR(average_precision(cases, 0.5, 1), 51.0 / 101.0, 1e-12);
}

TEST(AveragePrecisionTest, GivesEachBoxOneDetection) {
  const std::vector<DetectionCase> cases = {
      {{kBox}, {{kBox, 0.9}, {kBox, 0.8}}}};
  EXPECT_NEAR(average_precision(cases, 0.5), 1.0, 1e-12);
  const std::vector<DetectionCase> late = {
      {{kBox}, {{kFar, 0.9}, {kBox, 0.8}}}};
  EXPECT_NEAR(average_precision(late, 0.5), 0.5, 1e-12);
  EXPECT_EQ(average_precision({}, 0.5), 0.0);
}

}  // namespace
}  // namespace voxlift::trainer
