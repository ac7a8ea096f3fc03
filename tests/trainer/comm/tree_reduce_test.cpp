#include "trainer/comm/tree_reduce.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "trainer/comm/thread_comm.h"

namespace voxlift::trainer {
namespace {

// Values of very different size, so that every order of addition gives other
// bits.
std::vector<float> leaf(int64_t slot, size_t count) {
  RandomStream draws(5, Purpose::kSynth, 0, static_cast<uint64_t>(slot));
  std::vector<float> values(count);
  for (float& value : values) {
    value = static_cast<float>(draws.normal() *
                               std::pow(10.0, draws.uniform(-4.0, 4.0)));
  }
  return values;
}

std::vector<float> tree_sum(int64_t begin, int64_t end, size_t count) {
  if (end - begin == 1) {
    return leaf(begin, count);
  }
  const int64_t middle = (begin + end) / 2;
  std::vector<float> sum = tree_sum(begin, middle, count);
  const std::vector<float> high = tree_sum(middle, end, count);
  for (size_t i = 0; i < count; ++i) {
    sum[i] += high[i];
  }
  return sum;
}

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

TEST(TreeReduceTest, SumsWholeNumbersInDoubleExactly) {
  run_thread_ranks(4, {}, [](Communicator& comm) {
    std::vector<double> values(10, 1.0 + comm.rank());
    tree_all_reduce(comm, buffer_of(values), host_arithmetic());
    EXPECT_EQ(values, std::vector<double>(10, 10.0));
  });
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
