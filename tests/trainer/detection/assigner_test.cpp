#include "trainer/detection/assigner.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>

namespace voxlift::trainer {
namespace {

// A box whose IoU with (0, 0, 10, 10) is `iou`.
torch::Tensor box_with_iou(double iou) {
  return torch::tensor({0.0, 0.0, 10.0, 10.0 * iou});
}

torch::Tensor ints(const std::vector<int64_t>& values) {
  return torch::tensor(values, torch::kInt64);
}

TEST(AssignBoxesTest, TellsPositiveBackgroundAndNeither) {
  const torch::Tensor truth = torch::tensor({{0.0, 0.0, 10.0, 10.0}});
  const torch::Tensor boxes = torch::stack(
      {box_with_iou(0.7), box_with_iou(0.5), box_with_iou(0.3),
       box_with_iou(0.29), torch::tensor({50.0, 50.0, 60.0, 60.0})});
  const AssignOptions options = {.positive_iou = 0.7, .negative_iou = 0.3};
  EXPECT_TRUE(
      assign_boxes(boxes, truth, options)
          .equal(ints({0, kNeither, kNeither, kBackground, kBackground})));
}

TEST(AssignBoxesTest, GivesEveryTruthItsBestBoxesWhereAsked) {
  const torch::Tensor truth = torch::tensor({{0.0, 0.0, 10.0, 10.0},
                                             {100.0, 0.0, 110.0, 10.0},
                                             {200.0, 0.0, 210.0, 10.0}});
  // Two that are equally good for the first, a poor one for the second, one
  // that is too poor for the third.
  const torch::Tensor boxes = torch::tensor({{0.0, 0.0, 10.0, 4.0},
                                             {0.0, 6.0, 10.0, 10.0},
                                             {100.0, 0.0, 110.0, 3.5},
                                             {200.0, 0.0, 210.0, 2.0}});
  AssignOptions options = {.positive_iou = 0.7, .negative_iou = 0.3};
  EXPECT_TRUE(assign_boxes(boxes, truth, options)
                  .equal(ints({kNeither, kNeither, kNeither, kBackground})));
  options.low_quality_iou = 0.3;
  EXPECT_TRUE(
      assign_boxes(boxes, truth, options).equal(ints({0, 0, 1, kBackground})));
}

TEST(AssignBoxesTest, IsAllBackgroundWithoutTruth) {
  const torch::Tensor boxes = torch::rand({3, 4});
  EXPECT_TRUE(assign_boxes(boxes, torch::zeros({0, 4}), {})
                  .equal(torch::full({3}, kBackground, torch::kInt64)));
  EXPECT_EQ(assign_boxes(torch::zeros({0, 4}), boxes, {}).size(0), 0);
}

TEST(AssignBoxesTest, LeavesOutWhatIsNoNumber) {
  const torch::Tensor nan =
      torch::full({1, 4}, std::numeric_limits<float>::quiet_NaN());
  const torch::Tensor truth = torch::tensor({{0.0, 0.0, 10.0, 10.0}});
  EXPECT_EQ(assign_boxes(nan, truth, {})[0].item<int64_t>(), kNeither);
}

RandomStream draws_of(uint64_t id) {
  return {7, Purpose::kDropout, 1, id};
}

TEST(SampleRowsTest, FillsWithBackground) {
  std::vector<int64_t> assigned(1000, kBackground);
  for (size_t i = 0; i < 6; ++i) {
    assigned[10 * i] = static_cast<int64_t>(i);
    assigned[10 * i + 1] = kNeither;
  }
  RandomStream draws = draws_of(1);
  const SampledRows few =
      sample_rows(ints(assigned), {.count = 64, .positive_frac = 0.5}, draws);
  EXPECT_TRUE(few.positive.equal(ints({0, 10, 20, 30, 40, 50})));
  EXPECT_EQ(few.background.size(0), 58);
  EXPECT_EQ(few.size(), 64);
  const SampledRows half =
      sample_rows(ints(assigned), {.count = 8, .positive_frac = 0.5}, draws);
  EXPECT_EQ(half.positive.size(0), 4);
  EXPECT_EQ(half.background.size(0), 4);
  for (int64_t i = 0; i < 58; ++i) {
    const int64_t row = few.background[i].item<int64_t>();
    EXPECT_EQ(assigned[static_cast<size_t>(row)], kBackground);
    EXPECT_TRUE(i == 0 || few.background[i - 1].item<int64_t>() < row);
  }
}

TEST(SampleRowsTest, TakesWhatThereIs) {
  RandomStream draws = draws_of(1);
  const SampledRows none = sample_rows(ints({kNeither}), {}, draws);
  EXPECT_EQ(none.size(), 0);
  const SampledRows all = sample_rows(ints({0, 0, kBackground}), {}, draws);
  EXPECT_EQ(all.size(), 3);
}

TEST(SampleRowsTest, DrawsEveryRowEquallyOftenAndByKeyOnly) {
  const torch::Tensor assigned = torch::zeros({10}, torch::kInt64);
  const SampleOptions options = {.count = 3, .positive_frac = 1.0};
  std::map<int64_t, int> seen;
  constexpr int kRounds = 2000;
  for (uint64_t id = 0; id < kRounds; ++id) {
    RandomStream draws = draws_of(id);
    RandomStream again = draws_of(id);
    const SampledRows rows = sample_rows(assigned, options, draws);
    EXPECT_TRUE(
        rows.positive.equal(sample_rows(assigned, options, again).positive));
    for (int64_t i = 0; i < 3; ++i) {
      ++seen[rows.positive[i].item<int64_t>()];
    }
  }
  for (const auto& [row, count] : seen) {
    EXPECT_NEAR(count, 0.3 * kRounds, 100) << row;
  }
  EXPECT_EQ(seen.size(), 10U);
}

}  // namespace
}  // namespace voxlift::trainer
