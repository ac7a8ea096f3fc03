#include "trainer/watch/phase_board.h"

#include <gtest/gtest.h>

#include <thread>

namespace voxlift::trainer {
namespace {

TEST(PhaseBoardTest, CountsOwnTimeWithoutWaitsForOthers) {
  FakeClock clock;
  PhaseBoard board(clock);
  board.set_step(5);
  clock.advance(100.0);  // Start: nobody's own.
  board.enter(Phase::kData);
  clock.advance(1.0);
  board.enter(Phase::kForward);
  clock.advance(2.0);
  const int64_t which = board.begin(Operation::kAllReduce);
  clock.advance(8.0);
  EXPECT_EQ(board.read().wait_s, 8.0);
  EXPECT_EQ(board.read().phase_s, 10.0);
  EXPECT_EQ(board.read().operation, Operation::kAllReduce);
  board.end(which);
  EXPECT_EQ(board.read().operation, Operation::kNone);
  board.enter(Phase::kReduce);
  clock.advance(16.0);
  EXPECT_EQ(board.read().own_s, 0.0);  // By whole steps.
  board.step_done(6);
  const Standing standing = board.read();
  EXPECT_EQ(standing.own_s, 3.0);
  EXPECT_EQ(standing.data_s, 1.0);
  EXPECT_EQ(standing.step, 6);
  EXPECT_EQ(standing.steps_done, 1);
  EXPECT_EQ(standing.entered, 1);
}

TEST(PhaseBoardTest, AWaitOfAnotherThreadIsNoBreakInTheOwnWork) {
  FakeClock clock;
  PhaseBoard board(clock);
  board.enter(Phase::kBackward);
  int64_t which = 0;
  std::thread([&] { which = board.begin(Operation::kExchange); }).join();
  clock.advance(4.0);
  std::thread([&] { board.end(which); }).join();
  board.enter(Phase::kReduce);
  board.step_done(1);
  EXPECT_EQ(board.read().own_s, 4.0);
}

TEST(PhaseBoardTest, AnOperationThatEndsLateDoesNotHideTheNextOne) {
  FakeClock clock;
  PhaseBoard board(clock);
  const int64_t first = board.begin(Operation::kExchange);
  board.begin(Operation::kBarrier);
  board.end(first);
  EXPECT_EQ(board.read().operation, Operation::kBarrier);
}

TEST(PhaseBoardTest, EveryPhaseAndOperationHasAName) {
  for (int i = 0; i < kNumPhases; ++i) {
    EXPECT_STRNE(phase_name(static_cast<Phase>(i)), "");
  }
  for (int i = 0; i < kNumOperations; ++i) {
    EXPECT_STRNE(operation_name(static_cast<Operation>(i)), "");
  }
}

}  // namespace
}  // namespace voxlift::trainer
