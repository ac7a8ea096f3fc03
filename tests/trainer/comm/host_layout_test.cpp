#include "trainer/comm/host_layout.h"

#include <gtest/gtest.h>

namespace voxlift::trainer {
namespace {

bool is_subtree(const std::vector<int64_t>& host_of_rank) {
  return host_layout(host_of_rank, 0).is_subtree;
}

TEST(HostLayoutTest, FindsThisRanksHost) {
  const HostLayout layout =
      host_layout(std::vector<int64_t>{0, 0, 2, 2, 4, 4, 6, 6}, 5);
  EXPECT_EQ(layout.local_ranks, (std::vector<int>{4, 5}));
  EXPECT_EQ(layout.local_rank, 1);
  EXPECT_EQ(layout.local_size(), 2);
  EXPECT_EQ(layout.num_hosts, 4);
  EXPECT_TRUE(layout.is_subtree);
}

TEST(HostLayoutTest, HostsAreSubtreesOnlyAsEqualBlocksOfAPowerOfTwo) {
  EXPECT_TRUE(is_subtree({0}));
  EXPECT_TRUE(is_subtree({0, 0, 0, 0}));
  EXPECT_TRUE(is_subtree({0, 1, 2, 3}));
  EXPECT_FALSE(is_subtree({0, 0, 0}));           // Three ranks.
  EXPECT_FALSE(is_subtree({0, 0, 0, 3}));        // Unequal.
  EXPECT_FALSE(is_subtree({0, 1, 0, 1}));        // Round robin.
  EXPECT_FALSE(is_subtree({0, 0, 2, 2, 4, 4}));  // Three hosts.
  EXPECT_FALSE(is_subtree({0, 0, 2, 2, 0, 0, 2, 2}));
}

}  // namespace
}  // namespace voxlift::trainer
