#include "trainer/watch/watched_comm.h"

#include <chrono>
#include <thread>

#include "base/error.h"

namespace voxlift::trainer {

template <typename Call>
void WatchedComm::wait(Operation operation, Call&& call) {
  const int64_t which = board_.begin(operation);
  try {
    call();
  } catch (const CommError&) {
    if (!interrupted_.load()) {
      std::this_thread::sleep_for(std::chrono::duration<double>(hold_s_));
    }
    throw;
  }
  board_.end(which);
}

void WatchedComm::barrier() {
  wait(Operation::kBarrier, [&] { inner_.barrier(); });
}

void WatchedComm::broadcast(Buffer buffer, int root) {
  wait(Operation::kBroadcast, [&] { inner_.broadcast(buffer, root); });
}

void WatchedComm::all_reduce_sum(Buffer buffer) {
  wait(Operation::kAllReduce, [&] { inner_.all_reduce_sum(buffer); });
}

void WatchedComm::all_reduce_tree(Buffer buffer,
                                  const TreeArithmetic& arithmetic) {
  wait(Operation::kAllReduce,
       [&] { inner_.all_reduce_tree(buffer, arithmetic); });
}

std::span<std::byte> WatchedComm::allocate_shared(int64_t bytes) {
  std::span<std::byte> memory;
  wait(Operation::kBarrier, [&] { memory = inner_.allocate_shared(bytes); });
  return memory;
}

void WatchedComm::all_gather(Buffer mine, Buffer all) {
  wait(Operation::kAllGather, [&] { inner_.all_gather(mine, all); });
}

void WatchedComm::exchange(int peer, Buffer send, Buffer recv) {
  wait(Operation::kExchange, [&] { inner_.exchange(peer, send, recv); });
}

void WatchedComm::abort(int code) noexcept {
  inner_.abort(code);
}

void WatchedComm::interrupt() noexcept {
  interrupted_.store(true);
  inner_.interrupt();
}

void WatchedComm::set_deadlines(const CommConfig& config) {
  inner_.set_deadlines(config);
}

void WatchedComm::finish() {
  inner_.finish();
}

}  // namespace voxlift::trainer
