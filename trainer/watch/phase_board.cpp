#include "trainer/watch/phase_board.h"

#include <algorithm>
#include <array>

namespace voxlift::trainer {
namespace {

bool is_own_work(Phase phase) {
  return phase == Phase::kData || phase == Phase::kForward ||
         phase == Phase::kBackward || phase == Phase::kUpdate;
}

}  // namespace

const char* phase_name(Phase phase) {
  static constexpr std::array<const char*, kNumPhases> kNames = {
      "start",  "data",       "forward",    "backward", "reduce",
      "update", "evaluation", "checkpoint", "end"};
  return kNames.at(static_cast<size_t>(phase));
}

bool is_long(Phase phase) {
  return phase == Phase::kEvaluate || phase == Phase::kCheckpoint;
}

const char* operation_name(Operation operation) {
  static constexpr std::array<const char*, kNumOperations> kNames = {
      "nothing",    "barrier",    "broadcast",
      "all_reduce", "all_gather", "exchange"};
  return kNames.at(static_cast<size_t>(operation));
}

PhaseBoard::PhaseBoard(const Clock& clock)
    : clock_(clock),
      phase_since_s_(clock.now_s()),
      training_thread_(std::this_thread::get_id()) {}

void PhaseBoard::close_phase(double now_s) {
  if (is_own_work(now_.phase)) {
    const double spent_s = std::max(0.0, now_s - phase_since_s_ - excluded_s_);
    own_s_ += spent_s;
    data_s_ += now_.phase == Phase::kData ? spent_s : 0.0;
  }
  excluded_s_ = 0.0;
  phase_since_s_ = now_s;
}

void PhaseBoard::enter(Phase phase) {
  const double now_s = clock_.now_s();
  const std::scoped_lock lock(mutex_);
  training_thread_ = std::this_thread::get_id();
  close_phase(now_s);
  now_.phase = phase;
}

void PhaseBoard::step_done(int64_t step) {
  const double now_s = clock_.now_s();
  const std::scoped_lock lock(mutex_);
  close_phase(now_s);
  now_.step = step;
  ++now_.steps_done;
  now_.own_s = own_s_;
  now_.data_s = data_s_;
}

void PhaseBoard::set_step(int64_t step) {
  const std::scoped_lock lock(mutex_);
  now_.step = step;
}

int64_t PhaseBoard::begin(Operation operation) {
  const double now_s = clock_.now_s();
  const std::scoped_lock lock(mutex_);
  now_.operation = operation;
  wait_since_s_ = now_s;
  waiting_thread_ = std::this_thread::get_id();
  return ++now_.entered;
}

void PhaseBoard::end(int64_t which) {
  const double now_s = clock_.now_s();
  const std::scoped_lock lock(mutex_);
  if (which != now_.entered) {
    return;  // Another thread has begun the next one.
  }
  now_.operation = Operation::kNone;
  if (waiting_thread_ == training_thread_) {
    excluded_s_ += now_s - wait_since_s_;
  }
}

Standing PhaseBoard::read() const {
  const double now_s = clock_.now_s();
  const std::scoped_lock lock(mutex_);
  Standing standing = now_;
  standing.phase_s = now_s - phase_since_s_;
  standing.wait_s =
      now_.operation == Operation::kNone ? 0.0 : now_s - wait_since_s_;
  return standing;
}

void mark(PhaseBoard* board, Phase phase) {
  if (board != nullptr) {
    board->enter(phase);
  }
}

}  // namespace voxlift::trainer
