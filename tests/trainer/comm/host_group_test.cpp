#include "trainer/comm/host_group.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "tests/support/expect_error.h"
#include "tests/trainer/comm/uneven_values.h"
#include "trainer/comm/thread_comm.h"

namespace voxlift::trainer {
namespace {

// Windows on the heap, which threads share as processes share theirs.
class HeapWindow {
 public:
  HeapWindow(int ranks, int64_t bytes) {
    window_.bytes = bytes;
    for (int r = 0; r < ranks; ++r) {
      memory_.emplace_back(static_cast<Line*>(
          ::operator new (static_cast<size_t>(bytes), std::align_val_t{64})));
      std::memset(memory_.back().get(), 0, static_cast<size_t>(bytes));
      window_.segments.push_back(
          reinterpret_cast<std::byte*>(memory_.back().get()));
    }
  }

  const SharedWindow& window() const { return window_; }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };

  struct Free {
    void operator()(Line* line) const {
      ::operator delete (line, std::align_val_t{64});
    }
  };

  std::vector<std::unique_ptr<Line, Free>> memory_;
  SharedWindow window_;
};

// Runs `body` with a group on each of `ranks` threads. Their numbers in
// messages are 10, 11, ...
void run_group(int ranks,
               const std::function<void(HostGroup&, Communicator&)>& body) {
  const HeapWindow meeting(ranks, HostGroup::window_bytes());
  std::vector<int> names;
  for (int r = 0; r < ranks; ++r) {
    names.push_back(10 + r);
  }
  run_thread_ranks(ranks, {}, [&](Communicator& comm) {
    HostGroup group(comm.rank(), names, meeting.window(),
                    [](const std::function<bool()>& done,
                       const std::function<std::string()>& missing) {
                      // By time: turns are few on a busy machine.
                      constexpr double kLimitS = 5.0;
                      const RealClock clock;
                      const double start_s = clock.now_s();
                      while (!done()) {
                        std::this_thread::yield();
                        if (clock.now_s() - start_s > kLimitS) {
                          throw CommError("waited" + missing());
                        }
                      }
                    });
    body(group, comm);
  });
}

class HostGroupTest : public testing::TestWithParam<int> {};

constexpr std::initializer_list<size_t> kCounts = {1,       5,       100,
                                                   131'072, 131'073, 400'000};

TEST_P(HostGroupTest, SumsPrivateMemoryAsTheTree) {
  const int ranks = GetParam();
  for (const size_t count : kCounts) {
    const std::vector<float> expected = tree_sum(0, ranks, count);
    run_group(ranks, [&](HostGroup& group, Communicator& comm) {
      for (int repeat = 0; repeat < 2; ++repeat) {
        std::vector<float> values = uneven_values(comm.rank(), count);
        group.all_reduce(buffer_of(values), nullptr);
        EXPECT_EQ(0, std::memcmp(values.data(), expected.data(),
                                 count * sizeof(float)))
            << count;
      }
    });
  }
}

TEST_P(HostGroupTest, SumsInAWindowInPlaceAsTheTree) {
  const int ranks = GetParam();
  for (const size_t count : kCounts) {
    const std::vector<float> expected = tree_sum(0, ranks, count);
    const size_t bytes = count * sizeof(float);
    const HeapWindow memory(ranks, static_cast<int64_t>(bytes + 64));
    run_group(ranks, [&](HostGroup& group, Communicator& comm) {
      group.add_window(memory.window());
      auto* mine = reinterpret_cast<float*>(
          memory.window().segments[static_cast<size_t>(comm.rank())] + 64);
      const std::span<float> values(mine, count);
      for (int repeat = 0; repeat < 2; ++repeat) {
        std::memcpy(mine, uneven_values(comm.rank(), count).data(), bytes);
        group.all_reduce(buffer_of(values), nullptr);
        EXPECT_EQ(0, std::memcmp(mine, expected.data(), bytes)) << count;
        comm.barrier();  // The next repeat writes what others compare.
      }
    });
  }
}

TEST_P(HostGroupTest, GivesEachRanksPartToTheOtherHostsOnce) {
  const int ranks = GetParam();
  run_group(ranks, [&](HostGroup& group, Communicator& comm) {
    std::vector<int64_t> values(100'000, comm.rank());
    int64_t num_across = 0;
    group.all_reduce(buffer_of(values), [&](Buffer part) {
      num_across += part.count;
      for (int64_t i = 0; i < part.count; ++i) {
        static_cast<int64_t*>(part.data)[i] += 1000;
      }
    });
    EXPECT_EQ(values,
              std::vector<int64_t>(100'000, 1000 + ranks * (ranks - 1) / 2));
    std::vector<int64_t> total = {num_across};
    comm.all_reduce_sum(buffer_of(total));
    EXPECT_EQ(total[0], 100'000);
  });
}

INSTANTIATE_TEST_SUITE_P(Sizes, HostGroupTest, testing::Values(1, 2, 4, 8));

TEST(HostGroupTest, SumsOverThreeRanks) {
  run_group(3, [](HostGroup& group, Communicator& comm) {
    std::vector<double> values(1000, 1.0 + comm.rank());
    group.all_reduce(buffer_of(values), nullptr);
    EXPECT_EQ(values, std::vector<double>(1000, 6.0));
  });
}

TEST(HostGroupTest, RefusesVectorsOfDifferentLength) {
  test::expect_error<InternalError>(
      [] {
        run_group(2, [](HostGroup& group, Communicator& comm) {
          std::vector<float> values(comm.rank() == 0 ? 3 : 5);
          group.all_reduce(buffer_of(values), nullptr);
        });
      },
      {"sum different vectors, of", "12", "20", "bytes"});
}

TEST(HostGroupTest, NamesTheRankThatDoesNotCome) {
  test::expect_error<CommError>(
      [] {
        run_group(3, [](HostGroup& group, Communicator& comm) {
          std::vector<float> values(3);
          if (comm.rank() != 1) {
            group.all_reduce(buffer_of(values), nullptr);
          }
        });
      },
      {"ranks not there: 11"});
}

}  // namespace
}  // namespace voxlift::trainer
