#include "trainer/watch/watch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "tests/support/child_process.h"
#include "tests/support/expect_error.h"
#include "trainer/comm/thread_comm.h"
#include "trainer/watch/peer_socket.h"
#include "trainer/watch/watched_comm.h"

namespace voxlift::trainer {
namespace {

using test::eventually;

constexpr CommConfig kShort = {.first_deadline_s = 0.5, .deadline_s = 0.4};
constexpr double kPatienceS = 20.0;

// What the ranks' watches wanted to end with.
class Ends {
 public:
  EndRun of(int rank) {
    return [this, rank](int code, const std::string& line) {
      const std::scoped_lock lock(mutex_);
      ends_.push_back({rank, code, line});
    };
  }

  struct End {
    int rank;
    int code;
    std::string line;
  };

  std::vector<End> all() const {
    const std::scoped_lock lock(mutex_);
    return ends_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<End> ends_;
};

// Runs `body` on ranks that have a watch.
void run_watched(int num_ranks, const CommConfig& comm_config, Ends& ends,
                 const std::function<void(Communicator&, Watch&)>& body) {
  const RealClock clock;
  run_thread_ranks(num_ranks, {}, [&](Communicator& comm) {
    const auto watch =
        Watch::start({}, comm_config, comm, clock, ends.of(comm.rank()));
    ASSERT_NE(watch, nullptr);
    body(comm, *watch);
    comm.barrier();
    watch->finish();
  });
}

TEST(WatchTest, RanksThatWorkAreLeftAlone) {
  Ends ends;
  run_watched(3, kShort, ends, [&](Communicator& comm, Watch& watch) {
    WatchedComm watched(comm, watch.board(), watch.hold_s());
    for (int i = 0; i < 20; ++i) {
      watch.board().enter(Phase::kForward);
      watched.barrier();
      watch.board().step_done(i + 1);
    }
    EXPECT_TRUE(watch.take_events().empty());
    EXPECT_TRUE(watch.summary().empty());
  });
  EXPECT_TRUE(ends.all().empty());
}

TEST(WatchTest, AStuckRankIsNamedByRankZeroAloneAndAllEnd) {
  Ends ends;
  run_watched(3, kShort, ends, [&](Communicator& comm, Watch& watch) {
    watch.board().set_step(12);
    if (comm.rank() == 1) {
      watch.board().enter(Phase::kData);
    } else {
      watch.board().begin(Operation::kAllGather);
    }
    EXPECT_TRUE(eventually([&] { return ends.all().size() == 3; }, kPatienceS));
  });
  int lines = 0;
  for (const auto& end : ends.all()) {
    EXPECT_EQ(end.code, 5);
    if (!end.line.empty()) {
      ++lines;
      EXPECT_EQ(end.rank, 0);
      EXPECT_NE(end.line.find("is alive, but has been in data for"),
                std::string::npos)
          << end.line;
      EXPECT_NE(end.line.find("at step 12"), std::string::npos) << end.line;
    }
  }
  EXPECT_EQ(lines, 1);
}

TEST(WatchTest, IsOffForOneRankAndForNoHeartbeats) {
  const RealClock clock;
  run_thread_ranks(1, {}, [&](Communicator& comm) {
    EXPECT_EQ(Watch::start({}, {}, comm, clock, nullptr), nullptr);
  });
  run_thread_ranks(2, {}, [&](Communicator& comm) {
    EXPECT_EQ(Watch::start({.heartbeat_s = 0.0}, {}, comm, clock, nullptr),
              nullptr);
  });
}

TEST(WatchTest, APortThatIsTakenIsNoReasonNotToTrain) {
  const RealClock clock;
  const Listener taken(0);
  run_thread_ranks(2, {}, [&](Communicator& comm) {
    EXPECT_EQ(Watch::start({.heartbeat_port = taken.port()}, {}, comm, clock,
                           nullptr),
              nullptr);
  });
}

TEST(WatchTest, NamesAnInterfaceThatRankZeroDoesNotHave) {
  const RealClock clock;
  test::expect_error<ConfigError>(
      [&] {
        run_thread_ranks(2, {}, [&](Communicator& comm) {
          Watch::start({.interface = "nosuch0"}, {}, comm, clock, nullptr);
        });
      },
      {"comm.interface = 'nosuch0'"});
}

TEST(WatchedCommTest, PassesEveryCallOnAndSaysWhatItWaitsFor) {
  const RealClock clock;
  run_thread_ranks(2, {}, [&](Communicator& inner) {
    PhaseBoard board(clock);
    WatchedComm comm(inner, board, 0.0);
    EXPECT_EQ(comm.size(), 2);
    EXPECT_EQ(comm.rank(), inner.rank());
    EXPECT_STREQ(comm.name(), "thread");
    comm.set_deadlines({});
    comm.barrier();
    std::vector<int64_t> value = {comm.rank() == 0 ? 42 : 0};
    comm.broadcast(buffer_of(value), 0);
    EXPECT_EQ(value[0], 42);
    comm.all_reduce_sum(buffer_of(value));
    EXPECT_EQ(value[0], 84);
    EXPECT_EQ(all_reduce_max(comm, comm.rank()), 1);
    std::vector<int64_t> theirs = {0};
    comm.exchange(1 - comm.rank(), buffer_of(value), buffer_of(theirs));
    EXPECT_EQ(theirs[0], 84);
    EXPECT_EQ(board.read().entered, 5);
    EXPECT_EQ(board.read().operation, Operation::kNone);
    comm.finish();
  });
}

TEST(WatchedCommTest, HoldsAnErrorBackUnlessItWasInterrupted) {
  const RealClock clock;
  run_thread_ranks(2, {}, [&](Communicator& inner) {
    if (inner.rank() == 1) {
      return;
    }
    PhaseBoard board(clock);
    WatchedComm comm(inner, board, 0.2);
    inner.abort(5);
    const double start_s = clock.now_s();
    EXPECT_THROW(comm.barrier(), CommError);
    EXPECT_GE(clock.now_s() - start_s, 0.2);
    EXPECT_EQ(board.read().operation, Operation::kBarrier);  // Still missing.
  });
  run_thread_ranks(2, {}, [&](Communicator& inner) {
    if (inner.rank() == 1) {
      return;
    }
    PhaseBoard board(clock);
    WatchedComm comm(inner, board, 30.0);
    comm.interrupt();
    const double start_s = clock.now_s();
    EXPECT_THROW(comm.barrier(), CommError);
    EXPECT_LT(clock.now_s() - start_s, 10.0);
  });
}

TEST(WatchConfigTest, RefusesWhatMakesNoSense) {
  const auto refuses = [](const WatchConfig& config, const std::string& part) {
    test::expect_error<ConfigError>([&] { config.validate(); }, {part});
  };
  refuses({.heartbeat_s = -1.0}, "comm.heartbeat_s = -1: must be at least 0");
  refuses({.silent_s = 0.0}, "comm.silent_s = 0: must be more than 0");
  refuses({.long_deadline_s = -2.0}, "comm.long_deadline_s = -2");
  refuses({.heartbeat_port = 70000}, "comm.heartbeat_port = 70000");
  refuses({.straggler_factor = 1.0},
          "watch.straggler_factor = 1: must be more than 1");
  refuses({.straggler_steps = 0}, "watch.straggler_steps = 0");
  WatchConfig().validate();
}

TEST(WatchConfigTest, HeartbeatsFitIntoShortDeadlines) {
  EXPECT_EQ(beat_interval_s({}, {}), 1.0);
  EXPECT_EQ(beat_interval_s({}, {.deadline_s = 1.6}), 0.2);
  EXPECT_EQ(beat_interval_s({.silent_s = 4.0}, {}), 0.5);
  EXPECT_EQ(beat_interval_s({}, {.deadline_s = 0.01}), 0.05);
}

TEST(WatchConfigTest, TheCommunicatorsOwnDeadlinesStandBehindTheWatchs) {
  const CommConfig backstop =
      backstop_deadlines({.long_deadline_s = 1000.0},
                         {.first_deadline_s = 2000.0, .deadline_s = 100.0});
  EXPECT_EQ(backstop.deadline_s, 1030.0);
  EXPECT_EQ(backstop.first_deadline_s, 2030.0);
}

}  // namespace
}  // namespace voxlift::trainer
