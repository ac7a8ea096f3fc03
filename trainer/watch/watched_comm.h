#pragma once
// A communicator that says on a board what it waits for.

#include <atomic>

#include "trainer/comm/communicator.h"
#include "trainer/watch/phase_board.h"

namespace voxlift::trainer {

// Passes every call on to `inner`, with the operation on `board` while it
// waits. A CommError is held back for `hold_s`, so that the watch, which knows
// who is missing, can end this process first. Threads as `inner`. Both must
// outlive it. What Communicator gains must be passed on here, too.
class WatchedComm : public Communicator {
 public:
  WatchedComm(Communicator& inner, PhaseBoard& board, double hold_s)
      : inner_(inner), board_(board), hold_s_(hold_s) {}

  int rank() const override { return inner_.rank(); }

  int size() const override { return inner_.size(); }

  const char* name() const override { return inner_.name(); }

  void barrier() override;
  void broadcast(Buffer buffer, int root) override;
  void all_reduce_sum(Buffer buffer) override;
  void all_reduce_tree(Buffer buffer,
                       const TreeArithmetic& arithmetic) override;
  std::span<std::byte> allocate_shared(int64_t bytes) override;
  void all_gather(Buffer mine, Buffer all) override;
  void exchange(int peer, Buffer send, Buffer recv) override;
  void abort(int code) noexcept override;
  void interrupt() noexcept override;
  void set_deadlines(const CommConfig& config) override;
  void finish() override;

 private:
  template <typename Call>
  void wait(Operation operation, Call&& call);

  Communicator& inner_;
  PhaseBoard& board_;
  double hold_s_;
  std::atomic<bool> interrupted_{false};
};

}  // namespace voxlift::trainer
