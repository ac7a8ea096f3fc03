#include "trainer/checkpoint/byte_range.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace voxlift::trainer {
namespace {

TEST(ByteRangeTest, PartsOfAllRanksCoverTheFileInOrder) {
  for (const int64_t bytes : {0, 1, 15, 16, 17, 1000, 4096}) {
    for (const int ranks : {1, 2, 3, 8, 100}) {
      int64_t end = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const ByteRange part = share_of_rank(bytes, rank, ranks, 16);
        EXPECT_EQ(part.begin, end);
        EXPECT_TRUE(part.empty() || part.begin % 16 == 0) << part.begin;
        EXPECT_LE(part.size(), std::max<int64_t>(16, bytes / ranks + 32));
        end = part.end;
      }
      EXPECT_EQ(end, bytes);
    }
  }
}

TEST(ByteRangeTest, RankZeroHasBytesWhereverARankHas) {
  EXPECT_EQ(share_of_rank(5, 0, 4, 16).size(), 5);
  EXPECT_TRUE(share_of_rank(5, 1, 4, 16).empty());
  EXPECT_TRUE(share_of_rank(5, 4, 4, 16).empty());  // A rank that writes not.
}

TEST(ByteRangeTest, CommonIsEmptyWhereRangesOnlyTouch) {
  EXPECT_EQ(common({0, 5}, {3, 9}).size(), 2);
  EXPECT_TRUE(common({0, 5}, {5, 9}).empty());
  EXPECT_TRUE(common({7, 9}, {0, 5}).empty());
}

}  // namespace
}  // namespace voxlift::trainer
