#pragma once
// Ranks as threads of one process: for tests and dry runs, up to thousands.

#include <functional>
#include <memory>

#include "trainer/comm/communicator.h"

namespace voxlift::trainer {

// What the ranks of one group share. Lives as long as any of them.
class ThreadGroup;

// One rank of a group of threads. Host memory.
class ThreadComm : public Communicator {
 public:
  ThreadComm(std::shared_ptr<ThreadGroup> group, int rank);
  ~ThreadComm() override;
  ThreadComm(const ThreadComm&) = delete;
  ThreadComm& operator=(const ThreadComm&) = delete;

  int rank() const override { return rank_; }

  int size() const override;

  const char* name() const override { return "thread"; }

  void barrier() override;
  void broadcast(Buffer buffer, int root) override;
  // Adds in rank order.
  void all_reduce_sum(Buffer buffer) override;
  void all_gather(Buffer mine, Buffer all) override;
  void exchange(int peer, Buffer send, Buffer recv) override;
  // Every waiting and later call of the group throws CommError.
  void abort(int code) noexcept override;
  // As abort: threads of one process have no other way to end.
  void interrupt() noexcept override;

 private:
  std::shared_ptr<ThreadGroup> group_;
  int rank_;
};

constexpr int kMostThreadRanks = 4096;

// Runs `body` on `num_ranks` threads, each with its own rank. A rank that
// throws aborts the group, so that the others end as well; the first rank's own
// error (by rank, errors that the abort caused come last) is rethrown.
void run_thread_ranks(int num_ranks, const CommConfig& config,
                      const std::function<void(Communicator&)>& body);

}  // namespace voxlift::trainer
