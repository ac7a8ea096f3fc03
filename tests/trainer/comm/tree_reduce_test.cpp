#include "trainer/comm/tree_reduce.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/error.h"
#include "tests/trainer/comm/uneven_values.h"
#include "trainer/comm/thread_comm.h"

namespace voxlift::trainer {
namespace {

TEST(TreeReduceTest, GivesTheBitsOfTheTreeOverSlotsOnAnyNumberOfRanks) {
  constexpr int64_t kSlots = 8;
  for (const size_t count : {1U, 2U, 3U, 7U, 64U, 1001U}) {
    const std::vector<float> expected = tree_sum(0, kSlots, count);
    for (const int ranks : {1, 2, 4, 8}) {
      run_thread_ranks(ranks, {}, [&](Communicator& comm) {
        const int64_t mine = kSlots / comm.size();
        std::vector<float> sum =
            tree_sum(comm.rank() * mine, (comm.rank() + 1) * mine, count);
        tree_all_reduce(comm, buffer_of(sum), host_arithmetic());
        EXPECT_EQ(
            0, std::memcmp(sum.data(), expected.data(), count * sizeof(float)))
            << ranks << " ranks, " << count << " values";
      });
    }
  }
}

TEST(TreeReduceTest, SumsWholeNumbersInDoubleAndInt64Exactly) {
  run_thread_ranks(4, {}, [](Communicator& comm) {
    std::vector<double> values(10, 1.0 + comm.rank());
    comm.all_reduce_tree(buffer_of(values), host_arithmetic());
    EXPECT_EQ(values, std::vector<double>(10, 10.0));
    std::vector<int64_t> counts(10, 1 + comm.rank());
    comm.all_reduce_tree(buffer_of(counts), host_arithmetic());
    EXPECT_EQ(counts, std::vector<int64_t>(10, 10));
  });
}

TEST(TreeReduceTest, StartsAtALaterLevelAmongEverySecondRank) {
  run_thread_ranks(8, {}, [](Communicator& comm) {
    std::vector<double> values(5, 1.0 + comm.rank());
    tree_all_reduce(comm, buffer_of(values), host_arithmetic(), 2);
    EXPECT_EQ(values,
              std::vector<double>(5, comm.rank() % 2 == 0 ? 16.0 : 20.0));
  });
}

TEST(TreeReduceTest, RefusesBytes) {
  EXPECT_THROW(run_thread_ranks(2, {},
                                [](Communicator& comm) {
                                  std::vector<std::byte> values(8);
                                  tree_all_reduce(comm, buffer_of(values),
                                                  host_arithmetic());
                                }),
               InternalError);
}

TEST(TreeReduceTest, RefusesThreeRanks) {
  EXPECT_THROW(run_thread_ranks(3, {},
                                [](Communicator& comm) {
                                  std::vector<float> values(4, 1.0F);
                                  tree_all_reduce(comm, buffer_of(values),
                                                  host_arithmetic());
                                }),
               InternalError);
}

}  // namespace
}  // namespace voxlift::trainer
