#include "trainer/comm/thread_comm.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>

#include "base/error.h"
#include "tests/support/expect_error.h"
#include "trainer/comm/self_comm.h"

namespace voxlift::trainer {
namespace {

class ThreadCommTest : public testing::TestWithParam<int> {};

TEST_P(ThreadCommTest, SumsInPlaceOnEveryRank) {
  run_thread_ranks(GetParam(), {}, [](Communicator& comm) {
    std::vector<float> values = {1.0F, static_cast<float>(comm.rank())};
    comm.all_reduce_sum(buffer_of(values));
    const int n = comm.size();
    EXPECT_EQ(values[0], static_cast<float>(n));
    EXPECT_EQ(values[1], static_cast<float>(n * (n - 1) / 2));
  });
}

TEST_P(ThreadCommTest, BroadcastsFromTheRoot) {
  run_thread_ranks(GetParam(), {}, [](Communicator& comm) {
    std::vector<int64_t> values = {comm.rank() == comm.size() - 1 ? 42 : 0};
    comm.broadcast(buffer_of(values), comm.size() - 1);
    EXPECT_EQ(values[0], 42);
  });
}

TEST_P(ThreadCommTest, GathersPiecesOfUnequalLength) {
  run_thread_ranks(GetParam(), {}, [](Communicator& comm) {
    const std::vector<std::byte> mine(static_cast<size_t>(comm.rank()),
                                      static_cast<std::byte>(comm.rank()));
    const auto all = all_gather_bytes(comm, mine);
    ASSERT_EQ(static_cast<int>(all.size()), comm.size());
    for (size_t r = 0; r < all.size(); ++r) {
      EXPECT_EQ(all[r], std::vector<std::byte>(r, static_cast<std::byte>(r)));
    }
    EXPECT_EQ(all_reduce_max(comm, comm.rank()), comm.size() - 1);
  });
}

TEST_P(ThreadCommTest, ExchangesBothWays) {
  run_thread_ranks(GetParam(), {}, [](Communicator& comm) {
    const int peer = comm.rank() ^ 1;
    if (peer >= comm.size()) {
      return;
    }
    std::vector<double> mine = {static_cast<double>(comm.rank())};
    std::vector<double> theirs = {-1.0};
    comm.exchange(peer, buffer_of(mine), buffer_of(theirs));
    EXPECT_EQ(theirs[0], static_cast<double>(peer));
  });
}

INSTANTIATE_TEST_SUITE_P(Sizes, ThreadCommTest,
                         testing::Values(1, 2, 3, 4, 8, 100));

TEST(ThreadCommTest, NamesTheRankThatDoesNotCome) {
  test::expect_error<CommError>(
      [] {
        run_thread_ranks(3, {.first_deadline_s = 0.2, .deadline_s = 0.2},
                         [](Communicator& comm) {
                           if (comm.rank() != 1) {
                             comm.barrier();
                           }
                         });
      },
      {"barrier", "0.2 s", "not there: 1"});
}

TEST(ThreadCommTest, RethrowsTheErrorOfTheRankThatFailed) {
  test::expect_error<DataError>(
      [] {
        run_thread_ranks(4, {}, [](Communicator& comm) {
          if (comm.rank() == 2) {
            throw DataError("rank 2 has read nonsense");
          }
          comm.barrier();
        });
      },
      {"rank 2 has read nonsense"});
}

TEST(ThreadCommTest, NamesTheRankThatSendsNothing) {
  test::expect_error<CommError>(
      [] {
        run_thread_ranks(2, {.first_deadline_s = 0.2, .deadline_s = 0.2},
                         [](Communicator& comm) {
                           std::vector<double> one = {1.0};
                           std::vector<double> other = {0.0};
                           if (comm.rank() == 0) {
                             comm.exchange(1, buffer_of(one), buffer_of(other));
                           }
                         });
      },
      {"exchange with rank 1", "not there: 1"});
}

TEST(ThreadCommTest, InterruptWakesAWaitingCall) {
  test::expect_error<CommError>(
      [] {
        run_thread_ranks(2, {}, [](Communicator& comm) {
          if (comm.rank() == 0) {
            comm.interrupt();
          } else {
            comm.barrier();
          }
        });
      },
      {"barrier", "rank 0"});
}

TEST(SelfCommTest, GathersItself) {
  SelfComm comm;
  std::vector<int64_t> mine = {7};
  std::vector<int64_t> all = {0};
  comm.all_gather(buffer_of(mine), buffer_of(all));
  EXPECT_EQ(all[0], 7);
  EXPECT_THROW(comm.exchange(1, buffer_of(mine), buffer_of(all)),
               InternalError);
}

TEST(CommConfigTest, RefusesADeadlineOfZero) {
  test::expect_error<ConfigError>(
      [] { CommConfig{.deadline_s = 0.0}.validate("comm"); },
      {"comm.deadline_s = 0"});
}

}  // namespace
}  // namespace voxlift::trainer
