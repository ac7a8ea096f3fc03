#include "trainer/reduce/bucket_plan.h"

#include <gtest/gtest.h>

namespace voxlift::trainer {
namespace {

TEST(BucketPlanTest, ClosesABucketAtTheLimitInTheGivenOrder) {
  const std::vector<int64_t> numels = {40, 30, 20, 10};
  const std::vector<int64_t> order = {3, 1, 2, 0};
  const BucketPlan plan = plan_buckets(numels, order, 5, 40);
  ASSERT_EQ(plan.buckets.size(), 3U);
  EXPECT_EQ(plan.buckets[0].numel, 5);
  EXPECT_EQ(plan.buckets[0].num_parameters, 0);
  EXPECT_EQ(plan.buckets[1].offset, 16);  // A cache line of float32.
  EXPECT_EQ(plan.buckets[1].numel, 10 + 30);
  EXPECT_EQ(plan.buckets[2].offset, 16 + 48);
  EXPECT_EQ(plan.buckets[2].numel, 20 + 40);
  EXPECT_EQ(plan.buckets[2].num_parameters, 2);
  EXPECT_EQ(plan.places[1].bucket, 1U);
  EXPECT_EQ(plan.places[1].offset, 10);
  EXPECT_EQ(plan.places[0].bucket, 2U);
  EXPECT_EQ(plan.places[0].offset, 20);
}

TEST(BucketPlanTest, FitsIntoItsArenaWhateverTheOrderAndLimit) {
  const std::vector<int64_t> numels = {1, 17, 300, 16, 15, 33};
  for (const int64_t limit : {1, 16, 20, 1000}) {
    for (const std::vector<int64_t>& order :
         {std::vector<int64_t>{0, 1, 2, 3, 4, 5},
          std::vector<int64_t>{5, 3, 1, 0, 2, 4}}) {
      const BucketPlan plan = plan_buckets(numels, order, 7, limit);
      const auto& last = plan.buckets.back();
      EXPECT_LE(last.offset + last.numel, arena_numel(numels, 7)) << limit;
    }
  }
}

}  // namespace
}  // namespace voxlift::trainer
