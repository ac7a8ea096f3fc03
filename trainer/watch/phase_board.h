#pragma once
// Where a rank is: what its training thread does, what it waits for.

#include <cstdint>
#include <mutex>
#include <thread>

#include "base/clock.h"

namespace voxlift::trainer {

// What the training thread is at. The order is part of the heartbeat's bytes.
enum class Phase : uint8_t {
  kStart,
  kData,
  kForward,
  kBackward,
  kReduce,
  kUpdate,
  kEvaluate,
  kCheckpoint,
  kEnd
};
constexpr int kNumPhases = 9;

// "data", "evaluation", ...
const char* phase_name(Phase phase);

// Phases in which a rank may rightly keep the others waiting for long.
bool is_long(Phase phase);

// What a rank waits for its peers in. The order is part of the heartbeat's
// bytes.
enum class Operation : uint8_t {
  kNone,
  kBarrier,
  kBroadcast,
  kAllReduce,
  kAllGather,
  kExchange
};
constexpr int kNumOperations = 6;

// "all_reduce", ...; "nothing" for kNone.
const char* operation_name(Operation operation);

// A rank's own account at one moment.
struct Standing {
  int64_t step = 0;  // The step under way, since the beginning of the run.
  int64_t steps_done = 0;  // Since the start of this process.
  Phase phase = Phase::kStart;
  double phase_s = 0.0;  // Time in this phase.
  Operation operation = Operation::kNone;
  double wait_s = 0.0;  // Time in this operation.
  int64_t entered = 0;  // Operations begun so far.
  // Seconds over all steps done by this process: without waits for other
  // ranks, and the part of it that was spent waiting for data.
  double own_s = 0.0;
  double data_s = 0.0;
};

// One rank's blackboard: the training thread writes, the watch reads. Any
// thread. Cost: a lock and a look at the clock per call, below 100 ns.
class PhaseBoard {
 public:
  // `clock` must outlive it.
  explicit PhaseBoard(const Clock& clock);

  // By the training thread. Time spent here counts as this rank's own in data,
  // forward, backward and update.
  void enter(Phase phase);
  // By the training thread: `step` is the number of the next one.
  void step_done(int64_t step);
  void set_step(int64_t step);

  // Around one operation, which the result of begin() names; by the thread
  // that waits.
  int64_t begin(Operation operation);
  void end(int64_t which);

  Standing read() const;

 private:
  void close_phase(double now_s);

  const Clock& clock_;
  mutable std::mutex mutex_;
  Standing now_;
  double phase_since_s_;
  double wait_since_s_ = 0.0;
  std::thread::id waiting_thread_;
  std::thread::id training_thread_;
  double excluded_s_ = 0.0;  // Waits of the training thread in this phase.
  double own_s_ = 0.0;       // Up to now, the step under way included.
  double data_s_ = 0.0;
};

// Enters `phase` on a board, if there is one.
void mark(PhaseBoard* board, Phase phase);

}  // namespace voxlift::trainer
