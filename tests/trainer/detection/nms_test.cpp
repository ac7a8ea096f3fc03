#include "trainer/detection/nms.h"

#include <gtest/gtest.h>

#include <limits>

namespace voxlift::trainer {
namespace {

std::vector<int64_t> kept(const torch::Tensor& rows) {
  return {rows.data_ptr<int64_t>(), rows.data_ptr<int64_t>() + rows.numel()};
}

// Three along a row, neighbours overlapping by 0.5, and one apart.
torch::Tensor boxes() {
  return torch::tensor({{0.0, 0.0, 9.0, 10.0},
                        {3.0, 0.0, 12.0, 10.0},
                        {6.0, 0.0, 15.0, 10.0},
                        {50.0, 0.0, 60.0, 10.0}});
}

TEST(NmsTest, KeepsTheBestOfThoseThatOverlap) {
  const torch::Tensor scores = torch::tensor({0.5, 0.9, 0.8, 0.1});
  EXPECT_EQ(kept(nms(boxes(), scores, 0.4)), (std::vector<int64_t>{1, 3}));
  // What is suppressed suppresses nothing.
  const torch::Tensor chain = torch::tensor({0.9, 0.8, 0.7, 0.1});
  EXPECT_EQ(kept(nms(boxes(), chain, 0.4)), (std::vector<int64_t>{0, 2, 3}));
  // Exactly the limit is allowed.
  EXPECT_EQ(kept(nms(boxes(), scores, 0.5)),
            (std::vector<int64_t>{1, 2, 0, 3}));
}

TEST(NmsTest, TakesTheEarlierOfEqualScores) {
  EXPECT_EQ(kept(nms(boxes(), torch::full({4}, 0.5), 0.4)),
            (std::vector<int64_t>{0, 2, 3}));
}

TEST(NmsTest, LeavesOutScoresThatAreNoNumbers) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const torch::Tensor scores =
      torch::tensor(std::vector<float>{0.5F, nan, 0.8F, nan});
  EXPECT_EQ(kept(nms(boxes(), scores, 0.4)), (std::vector<int64_t>{2, 0}));
}

TEST(NmsTest, TakesNoBoxesAndEmptyOnes) {
  EXPECT_EQ(nms(torch::zeros({0, 4}), torch::zeros({0}), 0.5).size(0), 0);
  EXPECT_EQ(nms(torch::zeros({2, 4}), torch::ones({2}), 0.5).size(0), 2);
}

TEST(NmsTest, LetsOnlyGroupMatesSuppressEachOther) {
  const torch::Tensor scores = torch::tensor({0.5, 0.9, 0.8, 0.1});
  const torch::Tensor groups = torch::tensor({7, 7, 2, 2}, torch::kInt64);
  EXPECT_EQ(kept(nms_in_groups(boxes(), scores, groups, 0.4)),
            (std::vector<int64_t>{1, 2, 3}));
}

}  // namespace
}  // namespace voxlift::trainer
