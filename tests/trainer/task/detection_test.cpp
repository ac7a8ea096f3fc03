#include "trainer/task/detection.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/detection/image_row.h"
#include "trainer/model/dropout.h"

namespace voxlift::trainer {
namespace {

DetectorConfig tiny_config() {
  DetectorConfig config;
  config.channels = 8;
  config.roi.fc_channels = 16;
  config.rpn.sample.count = 32;
  config.roi.sample.count = 16;
  config.rpn.train.per_image = config.rpn.eval.per_image = 30;
  return config;
}

Detector tiny_detector() {
  Detector detector(P3dOptions{.depth = "18ba",
                               .slices = 3,
                               .base_channels = 4,
                               .norm = {.kind = "gn", .groups = 2}},
                    tiny_config(), 1);
  initialize(*detector, 3);
  return detector;
}

// Two samples on a canvas of 96 x 96; the content ends at 40 x 64.
Batch made_batch() {
  torch::manual_seed(2);
  Batch batch;
  batch.x_NCDHW = torch::zeros({2, 1, 3, 96, 96});
  batch.x_NCDHW.narrow(3, 0, 40).narrow(4, 0, 64).normal_();
  batch.label_N = torch::zeros({2}, torch::kInt64);
  batch.boxes = {{{{1, 4, 10}, {2, 24, 34}, 0}}, {}};
  batch.contents = {{3, 40, 64}, {3, 40, 50}};
  batch.ids = {0, 1};
  return batch;
}

std::vector<double> sums_of(DetectionTask& task, const Batch& batch) {
  const SlotDraws draws(4);
  std::vector<double> sums(task.sum_names().size());
  const torch::Tensor loss = task.loss(batch, sums);
  EXPECT_FLOAT_EQ(loss.item<float>(), static_cast<float>(sums[0]));
  return sums;
}

TEST(DetectionTaskTest, AddsUpThePartsOfTheLoss) {
  DetectionTask task(tiny_detector(), tiny_config(), {"lesion"});
  const std::vector<double> sums = sums_of(task, made_batch());
  EXPECT_NEAR(sums[0], sums[1] + sums[2] + sums[3] + sums[4], 1e-5);
  // Two samples times about ln 2: nothing is learned yet.
  EXPECT_NEAR(sums[1], 2.0 * 0.69, 0.2);
  EXPECT_NEAR(sums[3], 2.0 * 0.69, 0.2);
}

TEST(DetectionTaskTest, CutsThePaddingThatNoSampleNeeds) {
  DetectionTask task(tiny_detector(), tiny_config(), {"lesion"});
  Batch batch = made_batch();
  const std::vector<double> before = sums_of(task, batch);
  // Beyond 64 x 64 nothing is looked at.
  batch.x_NCDHW.narrow(3, 64, 32).fill_(1e9);
  batch.x_NCDHW.narrow(4, 64, 32).fill_(1e9);
  EXPECT_EQ(sums_of(task, batch), before);
}

TEST(DetectionTaskTest, GivesARowASample) {
  DetectionTask task(tiny_detector(), tiny_config(), {"lesion"});
  task.model().eval();
  CaseRows rows;
  task.evaluate(made_batch(), &rows);
  ASSERT_EQ(rows.size(), 2U);
  const ImageBoxes first = image_of(rows[0]);
  ASSERT_EQ(first.truth.size(), 1U);
  EXPECT_EQ(first.truth[0].box.x1, 10.0);
  EXPECT_EQ(first.truth[0].box.y2, 24.0);
  EXPECT_GT(first.found.size(), 0U);
  EXPECT_TRUE(image_of(rows[1]).truth.empty());
  const Json scores = task.summarize(rows);
  EXPECT_EQ(scores["images"], 2);
  EXPECT_EQ(scores["boxes"], 1);
  EXPECT_TRUE(scores.contains("sensitivity_0.5"));
}

TEST(DetectionTaskTest, RefusesLabelsThatAreNoClass) {
  DetectionTask task(tiny_detector(), tiny_config(), {"lesion"});
  Batch batch = made_batch();
  batch.boxes[0][0].label = 1;
  std::vector<double> sums(5);
  test::expect_error<InternalError>([&] { (void)task.loss(batch, sums); },
                                    {"a box of class 1 of 1"});
}

}  // namespace
}  // namespace voxlift::trainer
