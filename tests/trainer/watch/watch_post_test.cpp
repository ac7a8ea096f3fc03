#include "trainer/watch/watch_post.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/child_process.h"
#include "tests/support/expect_error.h"

namespace voxlift::trainer {
namespace {

using test::eventually;

constexpr uint64_t kToken = 77;
constexpr double kPatienceS = 10.0;  // Of the test, in real time.

// One side of the watch, turned by hand; its clock stands still meanwhile.
struct Side {
  Side(int rank, std::vector<RankPlace> places, const Clock& clock)
      : board(clock),
        frame{.config = {},
              .comm = {.first_deadline_s = 60.0, .deadline_s = 10.0},
              .clock = clock,
              .board = board,
              .end_run =
                  [this](int code, const std::string& line) {
                    ends.push_back(std::to_string(code) + " " + line);
                  },
              .token = kToken,
              .rank = rank,
              .places = std::move(places)} {}

  PhaseBoard board;
  WatchFrame frame;
  std::vector<std::string> ends;
  std::unique_ptr<WatchPost> post;
};

// Rank 0 and its ranks in one thread, with real sockets.
class WatchPostTest : public testing::Test {
 protected:
  // Ranks 0 and 1 on host a, the others on host b.
  explicit WatchPostTest(int num_ranks = 4) {
    std::vector<RankPlace> places;
    for (int r = 0; r < num_ranks; ++r) {
      places.push_back({r < 2 ? "a" : "b", 100 + r});
    }
    Listener listener(0);
    port_ = listener.port();
    for (int r = 0; r < num_ranks; ++r) {
      sides_.push_back(std::make_unique<Side>(r, places, clock_));
      if (r == 0) {
        sides_[0]->post = std::make_unique<RootPost>(
            sides_[0]->frame, std::move(listener), news_);
      } else {
        join(r);
      }
    }
  }

  Peer connect() const {
    Socket socket = connect_to("127.0.0.1", port_, kPatienceS);
    EXPECT_TRUE(socket.is_open());
    return Peer(std::move(socket));
  }

  void join(int rank) {
    Peer peer = connect();
    peer.send(encode({.kind = Beat::Kind::kHello,
                      .rank = rank,
                      .standing = side(rank).board.read()},
                     kToken));
    EXPECT_TRUE(eventually(
        [&] {
          root().post->turn();
          const auto answer = peer.receive();
          return answer.has_value() && decode(*answer, kToken).has_value();
        },
        kPatienceS));
    side(rank).post =
        std::make_unique<RankPost>(side(rank).frame, std::move(peer));
  }

  Side& side(int rank) { return *sides_[static_cast<size_t>(rank)]; }

  Side& root() { return side(0); }

  // `seconds` in steps of a heartbeat, all that are there turning.
  void live(double seconds) {
    for (double s = 0.0; s < seconds; s += 0.5) {
      clock_.advance(0.5);
      for (int round = 0; round < 3; ++round) {
        for (const auto& one : sides_) {
          if (one->post != nullptr) {
            one->post->turn();
          }
        }
      }
    }
  }

  // Turns until `rank` has ended, without letting time pass.
  bool ends_at_once(int rank) {
    return eventually(
        [&] {
          side(rank).post->turn();
          return !side(rank).ends.empty();
        },
        kPatienceS);
  }

  FakeClock clock_;
  WatchNews news_;
  int port_ = 0;
  std::vector<std::unique_ptr<Side>> sides_;
};

TEST_F(WatchPostTest, NobodyEndsWhileHeartbeatsCome) {
  live(120.0);
  for (const auto& one : sides_) {
    EXPECT_TRUE(one->ends.empty());
  }
}

TEST_F(WatchPostTest, AKilledRankIsNamedAtOnceAndAllLeave) {
  live(2.0);
  side(2).post.reset();  // Its socket closes without a word.
  live(1.0);
  ASSERT_EQ(root().ends.size(), 1U);
  EXPECT_EQ(root().ends[0].rfind("5 rank 2 on b (process 102) is gone", 0), 0U)
      << root().ends[0];
  EXPECT_TRUE(ends_at_once(1));
  EXPECT_TRUE(ends_at_once(3));
  EXPECT_EQ(side(1).ends, std::vector<std::string>{"5 "});
  EXPECT_EQ(side(3).ends, std::vector<std::string>{"5 "});
}

TEST_F(WatchPostTest, ARankThatStoodStillBlamesNobodyWhoHasLeftMeanwhile) {
  live(2.0);
  side(1).post.reset();
  clock_.advance(60.0);
  live(2.0);
  EXPECT_EQ(root().ends, std::vector<std::string>{"5 "});
}

TEST_F(WatchPostTest, AGoodbyeAndTheCloseAfterItAreNoLoss) {
  side(3).post->part(Beat::Kind::kGoodbye);
  side(3).post.reset();
  live(120.0);
  EXPECT_TRUE(root().ends.empty());
}

TEST_F(WatchPostTest, AFailingRankIsWaitedForWithoutALine) {
  side(3).post->part(Beat::Kind::kFailing);
  side(3).post.reset();
  live(9.0);
  EXPECT_TRUE(root().ends.empty());
  live(3.0);
  EXPECT_EQ(root().ends, std::vector<std::string>{"5 "});
}

TEST_F(WatchPostTest, TheLossOfRankZeroIsToldByOneRankAfterTheOther) {
  live(2.0);
  root().post.reset();
  live(1.0);
  ASSERT_EQ(side(1).ends.size(), 1U);
  EXPECT_EQ(side(1).ends[0].rfind("5 rank 0 on a (process 100) is gone", 0), 0U)
      << side(1).ends[0];
  EXPECT_TRUE(side(2).ends.empty());
  live(3.0);
  EXPECT_EQ(side(2).ends.size(), 1U);  // The first on another host.
  EXPECT_TRUE(side(3).ends.empty());
  live(3.0);
  EXPECT_EQ(side(3).ends.size(), 1U);
}

TEST_F(WatchPostTest, RankZeroGoingInOrderIsNoLoss) {
  root().post->part(Beat::Kind::kGoodbye);
  root().post.reset();
  live(120.0);
  for (const auto& one : sides_) {
    EXPECT_TRUE(one->ends.empty());
  }
}

TEST_F(WatchPostTest, AStuckRankIsNamedByItsPhase) {
  for (const int r : {0, 1, 2, 3}) {
    side(r).board.step_done(5);
  }
  side(1).board.enter(Phase::kData);
  for (const int r : {0, 2, 3}) {
    side(r).board.begin(Operation::kAllReduce);
  }
  live(9.0);
  EXPECT_TRUE(root().ends.empty());
  live(3.0);
  ASSERT_EQ(root().ends.size(), 1U);
  EXPECT_NE(root().ends[0].find("rank 1 on a (process 101) is alive, but has "
                                "been in data for"),
            std::string::npos)
      << root().ends[0];
}

TEST_F(WatchPostTest, ASlowRankIsNamedAndLogged) {
  for (int step = 1; step <= 40; ++step) {
    for (int r = 0; r < 4; ++r) {
      side(r).board.enter(Phase::kForward);
    }
    clock_.advance(0.25);
    for (const int r : {0, 1, 3}) {
      side(r).board.enter(Phase::kReduce);
    }
    clock_.advance(0.5);
    for (int r = 0; r < 4; ++r) {
      side(r).board.step_done(step);
      side(r).board.enter(Phase::kReduce);
    }
    live(0.5);
  }
  const auto events = news_.take_events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["type"], "straggler");
  EXPECT_EQ(events[0]["rank"], 2);
  EXPECT_EQ(events[0]["host"], "b");
  EXPECT_NEAR(events[0]["own_s"], 0.75, 1e-6);
  EXPECT_NEAR(events[0]["median_s"], 0.25, 1e-6);
  EXPECT_EQ(events[0]["loses_it"], "computing");
  ASSERT_EQ(news_.worst().size(), 1U);
  EXPECT_NE(describe_slow(news_.worst()[0], {"b", 102})
                .find("0.750 s of its own a step"),
            std::string::npos);
}

TEST_F(WatchPostTest, StrangersAreSentAway) {
  Peer garbage = connect();
  garbage.send({});
  Peer other_run = connect();
  other_run.send(encode({.kind = Beat::Kind::kHello, .rank = 1}, kToken + 1));
  Peer second = connect();  // Rank 1 is there already.
  second.send(encode({.kind = Beat::Kind::kHello, .rank = 1}, kToken));
  Peer no_rank = connect();
  no_rank.send(encode({.kind = Beat::Kind::kHello, .rank = 9}, kToken));
  Peer root_twin = connect();
  root_twin.send(encode({.kind = Beat::Kind::kHello, .rank = 0}, kToken));
  for (Peer* peer : {&garbage, &other_run, &second, &no_rank, &root_twin}) {
    EXPECT_TRUE(eventually(
        [&] {
          root().post->turn();
          EXPECT_FALSE(peer->receive().has_value());
          return !peer->is_open();
        },
        kPatienceS));
  }
  live(60.0);
  EXPECT_TRUE(root().ends.empty());
}

TEST_F(WatchPostTest, AStrangerWhoSaysNothingIsSentAwayInTime) {
  Peer silent = connect();
  live(7.0);
  EXPECT_TRUE(eventually(
      [&] {
        silent.receive();
        return !silent.is_open();
      },
      kPatienceS));
}

class ManyRanksTest : public WatchPostTest {
 protected:
  ManyRanksTest() : WatchPostTest(300) {}
};

TEST_F(ManyRanksTest, OneLostRankOfManyIsNamedAndAllLeave) {
  live(2.0);
  side(299).post.reset();
  live(1.0);
  ASSERT_EQ(root().ends.size(), 1U);
  EXPECT_EQ(root().ends[0].rfind("5 rank 299 on b (process 399) is gone", 0),
            0U)
      << root().ends[0];
  for (int r = 1; r < 299; ++r) {
    EXPECT_TRUE(ends_at_once(r)) << r;
  }
}

TEST(PeerSocketTest, NamesAnInterfaceThatIsNotThere) {
  test::expect_error<ConfigError>([] { own_addresses("nosuch0"); },
                                  {"comm.interface = 'nosuch0'", "lo"});
}

TEST(PeerSocketTest, FindsTheAddressOfANamedInterface) {
  EXPECT_EQ(own_addresses("lo"), std::vector<std::string>{"127.0.0.1"});
}

TEST(PeerSocketTest, APortThatIsTakenIsAnIoError) {
  const Listener first(0);
  test::expect_error<IoError>([&] { Listener second(first.port()); },
                              {"listen on 'TCP port ", "in use"});
}

TEST(PeerSocketTest, NothingListensNothingConnects) {
  int port = 0;
  {
    const Listener listener(0);
    port = listener.port();
  }
  EXPECT_FALSE(connect_to("127.0.0.1", port, 1.0).is_open());
  EXPECT_FALSE(connect_to("no address", port, 1.0).is_open());
}

}  // namespace
}  // namespace voxlift::trainer
