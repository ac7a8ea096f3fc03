#include "trainer/watch/roster.h"

#include <gtest/gtest.h>

namespace voxlift::trainer {
namespace {

// Four ranks on two hosts; beats every second, 10 s steady, 60 s first, 100 s
// long, 30 s of silence.
class RosterTest : public testing::Test {
 protected:
  Roster roster_of(int self) {
    return {{{"a", 10}, {"a", 11}, {"b", 12}, {"b", 13}},
            self,
            {.silent_s = 30.0, .long_deadline_s = 100.0},
            {.first_deadline_s = 60.0, .deadline_s = 10.0},
            clock_};
  }

  static Standing at(Phase phase, double phase_s = 0.5) {
    return {.step = 7,
            .steps_done = 3,
            .phase = phase,
            .phase_s = phase_s,
            .operation = Operation::kNone,
            .entered = 40};
  }

  static Standing waiting(double wait_s, int64_t entered = 41) {
    Standing standing = at(Phase::kReduce, wait_s);
    standing.operation = Operation::kAllReduce;
    standing.wait_s = wait_s;
    standing.entered = entered;
    return standing;
  }

  void all_but(Roster& roster, int missing, const Standing& standing) {
    for (int r = 0; r < 4; ++r) {
      if (r != missing) {
        roster.heard(r, standing);
      }
    }
  }

  static std::string line_of(const Roster& roster) {
    const auto verdict = roster.judge();
    return verdict ? verdict->line : "";
  }

  FakeClock clock_;
};

TEST_F(RosterTest, FindsNothingWhileAllWork) {
  Roster roster = roster_of(0);
  for (int second = 0; second < 100; ++second) {
    all_but(roster, -1, at(Phase::kForward));
    EXPECT_EQ(line_of(roster), "");
    EXPECT_TRUE(roster.news().empty());
    clock_.advance(1.0);
  }
}

TEST_F(RosterTest, NamesARankWhoseConnectionCloses) {
  Roster roster = roster_of(0);
  all_but(roster, -1, at(Phase::kBackward));
  clock_.advance(0.5);
  roster.closed(2);
  EXPECT_EQ(line_of(roster), "");  // Its end may have been ordered.
  clock_.advance(0.25);
  EXPECT_EQ(line_of(roster),
            "rank 2 on b (process 12) is gone: its connection closed, last "
            "heard 0.8 s ago at step 7 in backward; the run is at step 7");
}

TEST_F(RosterTest, AGoodbyeIsNoLoss) {
  Roster roster = roster_of(0);
  all_but(roster, -1, at(Phase::kEnd));
  roster.left(3);
  roster.closed(3);
  clock_.advance(5.0);
  all_but(roster, 3, waiting(5.0));
  EXPECT_EQ(line_of(roster), "");
  clock_.advance(90.0);
  all_but(roster, 3, at(Phase::kEnd));
  EXPECT_EQ(line_of(roster), "");
  EXPECT_TRUE(roster.news().empty());
}

TEST_F(RosterTest, TellsOfSilenceOnceAndOfItsEnd) {
  Roster roster = roster_of(0);
  all_but(roster, -1, at(Phase::kForward));
  clock_.advance(4.0);
  all_but(roster, 3, at(Phase::kForward));
  EXPECT_EQ(roster.news(),
            std::vector<std::string>{
                "rank 3 on b (process 13) has been silent for 4.0 s, last "
                "heard at step 7 in forward (its host answers: the process is "
                "stopped or starved)"});
  EXPECT_TRUE(roster.news().empty());
  roster.heard(3, at(Phase::kForward));
  EXPECT_EQ(roster.news(), std::vector<std::string>{
                               "rank 3 on b (process 13) is heard again"});
}

TEST_F(RosterTest, TellsAtMostThreeSilentRanksAndCountsTheRest) {
  Roster roster({{"a", 1}, {"b", 2}, {"b", 3}, {"b", 4}, {"b", 5}, {"b", 6}}, 0,
                {}, {}, clock_);
  clock_.advance(4.0);
  const auto news = roster.news();
  ASSERT_EQ(news.size(), 4U);
  EXPECT_EQ(news.back(), "and 2 more such ranks");
}

TEST_F(RosterTest, ASilentRankIsLostAfterItsLimit) {
  Roster roster = roster_of(0);
  all_but(roster, -1, at(Phase::kEvaluate));
  roster.set_host_answers(1, false);
  clock_.advance(29.0);
  all_but(roster, 1, at(Phase::kEvaluate));
  EXPECT_EQ(line_of(roster), "");
  clock_.advance(2.0);
  all_but(roster, 1, at(Phase::kEvaluate));
  EXPECT_EQ(line_of(roster),
            "rank 1 on a (process 11) has been silent for 31.0 s, last heard "
            "at step 7 in evaluation (its host does not answer: the host is "
            "down or the link is cut): lost; the run is at step 7");
}

TEST_F(RosterTest, ASilentRankThatIsWaitedForIsLostAtTheDeadline) {
  Roster roster = roster_of(0);
  all_but(roster, -1, at(Phase::kData));
  clock_.advance(9.0);
  all_but(roster, 1, waiting(9.0));
  EXPECT_EQ(line_of(roster), "");
  clock_.advance(1.0);
  all_but(roster, 1, waiting(10.0));
  EXPECT_EQ(line_of(roster),
            "rank 1 on a (process 11) has been silent for 10.0 s, last heard "
            "at step 7 in data (its host answers: the process is stopped or "
            "starved): lost; rank 0 has waited 10.0 s in all_reduce at step 7 "
            "(deadline 10.0 s)");
}

TEST_F(RosterTest, ARankThatIsAliveButDoesNotComeIsNamedWithItsPhase) {
  Roster roster = roster_of(0);
  all_but(roster, 2, waiting(10.5));
  roster.heard(2, at(Phase::kData, 12.0));
  EXPECT_EQ(line_of(roster),
            "rank 2 on b (process 12) is alive, but has been in data for 12.0 "
            "s at step 7: stuck; rank 0 has waited 10.5 s in all_reduce "
            "at step 7 (deadline 10.0 s)");
}

TEST_F(RosterTest, BlamesTheOneThatAllOthersWaitForInTheEnd) {
  Roster roster = roster_of(0);
  all_but(roster, -1, waiting(11.0));
  roster.heard(1, waiting(10.9, 39));          // Waits for rank 2 itself.
  roster.heard(2, at(Phase::kForward, 12.0));  // Entered 40.
  EXPECT_EQ(roster.judge()->rank, 2);
}

TEST_F(RosterTest, TheFirstStepHasALongerDeadline) {
  Roster roster = roster_of(0);
  Standing first = at(Phase::kData, 50.0);
  first.steps_done = 0;
  all_but(roster, 2, waiting(50.0));
  roster.heard(2, first);
  EXPECT_EQ(line_of(roster), "");
  all_but(roster, 2, waiting(61.0));
  EXPECT_NE(line_of(roster).find("deadline 60.0 s"), std::string::npos);
}

TEST_F(RosterTest, LongPhasesAreWaitedForWhileTheirHeartbeatsCome) {
  for (const Phase phase : {Phase::kEvaluate, Phase::kCheckpoint}) {
    Roster roster = roster_of(0);
    all_but(roster, 2, waiting(99.0));
    roster.heard(2, at(phase, 99.0));
    EXPECT_EQ(line_of(roster), "");
    all_but(roster, 2, waiting(100.0));
    EXPECT_NE(line_of(roster).find("deadline 100.0 s"), std::string::npos);
  }
}

TEST_F(RosterTest, SaysSoWhereAllWaitForEachOther) {
  Roster roster = roster_of(0);
  all_but(roster, 3, waiting(10.0));
  roster.heard(3, waiting(9.9, 38));
  EXPECT_EQ(line_of(roster),
            "all ranks wait for each other at step 7: rank 0 has waited 10.0 s "
            "in all_reduce at step 7 (deadline 10.0 s), rank 3 on b (process "
            "13) is the "
            "furthest behind, in all_reduce");
}

TEST_F(RosterTest, OtherRanksJudgeRankZeroOnlyAndOnlyWhereItIsSilent) {
  Roster roster = roster_of(2);
  roster.heard(0, at(Phase::kData));
  roster.heard(2, waiting(50.0));
  EXPECT_EQ(line_of(roster), "");
  clock_.advance(4.0);
  roster.heard(2, waiting(54.0));
  EXPECT_EQ(roster.judge()->rank, 0);
  EXPECT_NE(line_of(roster).find("rank 0 on a (process 10) has been silent"),
            std::string::npos);
}

TEST_F(RosterTest, BlamesNobodyAfterItStoodStillItself) {
  Roster roster = roster_of(0);
  all_but(roster, -1, waiting(1.0));
  clock_.advance(3600.0);  // Suspended, with all the others.
  roster.forgive(3600.0);
  all_but(roster, 1, waiting(3601.0));
  EXPECT_EQ(line_of(roster), "");
  EXPECT_TRUE(roster.news().empty());
  clock_.advance(11.0);
  all_but(roster, 1, waiting(3612.0));
  EXPECT_EQ(roster.judge()->rank, 1);
}

}  // namespace
}  // namespace voxlift::trainer
