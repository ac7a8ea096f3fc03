#include "trainer/comm/thread_comm.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/strings.h"
#include "base/worker.h"

namespace voxlift::trainer {

// A barrier is a tree: every rank waits for its children, tells its parent, and
// waits until the parent lets it go. Nobody waits where more than one rank is
// woken by one event, so that a thousand ranks on two cores stay cheap: two
// wake-ups a rank and barrier. Messages lie in the receiver's seat. Collectives
// publish their buffers, meet, read each other's, and meet again.
class ThreadGroup {
 public:
  ThreadGroup(int size, const CommConfig& config)
      : config_(config),
        posted_(static_cast<size_t>(size)),
        seats_(static_cast<size_t>(size)) {}

  int size() const { return static_cast<int>(seats_.size()); }

  // The buffer that `rank` takes part with in the collective under way. Valid
  // between two barriers.
  Buffer& posted(int rank) { return posted_[static_cast<size_t>(rank)]; }

  void barrier(const char* operation, int rank) {
    Seat& mine = seat(rank);
    const int64_t turn = mine.barriers_entered.fetch_add(1) + 1;
    const int first_child = kFanOut * rank + 1;
    const int end_child = std::min(first_child + kFanOut, size());
    const int64_t children = std::max(0, end_child - first_child);
    const auto late = [&] { return missing_ranks(turn); };
    wait(rank, operation, late,
         [&] { return mine.children_arrived >= children * turn; });
    if (rank > 0) {
      tell(seat((rank - 1) / kFanOut),
           [](Seat& parent) { ++parent.children_arrived; });
      wait(rank, operation, late, [&] { return mine.released >= turn; });
    }
    for (int child = first_child; child < end_child; ++child) {
      tell(seat(child), [turn](Seat& its) { its.released = turn; });
    }
    mine.barriers_left.store(turn);
  }

  void put(int from, int to, std::vector<std::byte> message) {
    tell(seat(to),
         [&](Seat& its) { its.inbox[from].push_back(std::move(message)); });
  }

  std::vector<std::byte> take(int from, int to) {
    Seat& mine = seat(to);
    const std::string operation = str_cat("exchange with rank ", from);
    wait(
        to, operation.c_str(), [from] { return str_cat(" ", from); },
        [&] { return !mine.inbox[from].empty(); });
    const std::scoped_lock lock(mine.mutex);
    std::vector<std::byte> message = std::move(mine.inbox[from].front());
    mine.inbox[from].pop_front();
    return message;
  }

  void abort(int rank, int code) {
    int nobody = -1;
    if (aborted_by_.compare_exchange_strong(nobody, rank)) {
      abort_code_.store(code);
    }
    for (Seat& its : seats_) {
      tell(its, [](Seat& /*seat*/) {});
    }
  }

 private:
  static constexpr int kFanOut = 8;

  // Where one rank waits.
  struct Seat {
    std::mutex mutex;
    std::condition_variable changed;
    int64_t children_arrived = 0;  // In all barriers so far.
    int64_t released = 0;          // From so many barriers.
    std::map<int, std::deque<std::vector<std::byte>>> inbox;
    std::atomic<int64_t> barriers_entered{0};
    std::atomic<int64_t> barriers_left{0};
  };

  Seat& seat(int rank) { return seats_[static_cast<size_t>(rank)]; }

  template <typename Change>
  static void tell(Seat& its, Change change) {
    const std::scoped_lock lock(its.mutex);
    change(its);
    its.changed.notify_all();
  }

  // In the rank's own seat until done() or the deadline. `late` lists who is
  // missing.
  template <typename Late, typename Done>
  void wait(int rank, const char* operation, Late late, Done done) {
    Seat& mine = seat(rank);
    const double limit_s = mine.barriers_left.load() == 0
                               ? config_.first_deadline_s
                               : config_.deadline_s;
    std::unique_lock lock(mine.mutex);
    const bool in_time = mine.changed.wait_for(
        lock, std::chrono::duration<double>(limit_s),
        [&] { return aborted_by_.load() >= 0 || done(); });
    if (done()) {
      return;
    }
    if (in_time) {
      throw CommError(str_cat(operation, ": rank ", aborted_by_.load(),
                              " has ended the group with code ",
                              abort_code_.load()));
    }
    throw CommError(str_cat(operation, ": waited ", limit_s,
                            " s; ranks not there:", late()));
  }

  std::string missing_ranks(int64_t turn) const {
    std::string text;
    for (size_t r = 0; r < seats_.size(); ++r) {
      if (seats_[r].barriers_entered.load() < turn) {
        text += str_cat(" ", r);
      }
    }
    return text;
  }

  const CommConfig config_;
  std::vector<Buffer> posted_;
  std::deque<Seat> seats_;
  std::atomic<int> aborted_by_{-1};
  std::atomic<int> abort_code_{0};
};

namespace {

template <typename T>
void add_into(std::vector<std::byte>& sum, const Buffer& addend) {
  auto* to = reinterpret_cast<T*>(sum.data());
  const auto* from = static_cast<const T*>(addend.data);
  for (int64_t i = 0; i < addend.count; ++i) {
    to[i] += from[i];
  }
}

void add_any_into(std::vector<std::byte>& sum, const Buffer& addend) {
  switch (addend.dtype) {
    case DType::kFloat32:
      return add_into<float>(sum, addend);
    case DType::kFloat64:
      return add_into<double>(sum, addend);
    case DType::kInt64:
      return add_into<int64_t>(sum, addend);
    case DType::kUint8:
      throw InternalError("all_reduce_sum of bytes");
  }
}

bool is_comm_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const CommError&) {
    return true;
  } catch (...) {
    return false;
  }
}

void copy_bytes(void* to, const void* from, int64_t bytes) {
  if (bytes > 0) {
    std::memcpy(to, from, static_cast<size_t>(bytes));
  }
}

}  // namespace

ThreadComm::ThreadComm(std::shared_ptr<ThreadGroup> group, int rank)
    : group_(std::move(group)), rank_(rank) {}

ThreadComm::~ThreadComm() = default;

int ThreadComm::size() const {
  return group_->size();
}

void ThreadComm::barrier() {
  group_->barrier("barrier", rank_);
}

void ThreadComm::broadcast(Buffer buffer, int root) {
  group_->posted(rank_) = buffer;
  group_->barrier("broadcast", rank_);
  if (rank_ != root) {
    copy_bytes(buffer.data, group_->posted(root).data, buffer.bytes());
  }
  group_->barrier("broadcast", rank_);
}

void ThreadComm::all_reduce_sum(Buffer buffer) {
  group_->posted(rank_) = buffer;
  group_->barrier("all_reduce_sum", rank_);
  std::vector<std::byte> sum(static_cast<size_t>(buffer.bytes()));
  copy_bytes(sum.data(), group_->posted(0).data, buffer.bytes());
  for (int r = 1; r < size(); ++r) {
    add_any_into(sum, group_->posted(r));
  }
  group_->barrier("all_reduce_sum", rank_);
  copy_bytes(buffer.data, sum.data(), buffer.bytes());
}

void ThreadComm::all_gather(Buffer mine, Buffer all) {
  VOXLIFT_CHECK(all.count == mine.count * size(), "all_gather counts");
  group_->posted(rank_) = mine;
  group_->barrier("all_gather", rank_);
  for (int r = 0; r < size(); ++r) {
    copy_bytes(all.slice(r * mine.count, (r + 1) * mine.count).data,
               group_->posted(r).data, mine.bytes());
  }
  group_->barrier("all_gather", rank_);
}

void ThreadComm::exchange(int peer, Buffer send, Buffer recv) {
  std::vector<std::byte> message(static_cast<size_t>(send.bytes()));
  copy_bytes(message.data(), send.data, send.bytes());
  group_->put(rank_, peer, std::move(message));
  const std::vector<std::byte> got = group_->take(peer, rank_);
  VOXLIFT_CHECK(static_cast<int64_t>(got.size()) == recv.bytes(),
                "exchange counts");
  copy_bytes(recv.data, got.data(), recv.bytes());
}

void ThreadComm::abort(int code) noexcept {
  group_->abort(rank_, code);
}

void ThreadComm::interrupt() noexcept {
  group_->abort(rank_, static_cast<int>(ExitCode::kComm));
}

void run_thread_ranks(int num_ranks, const CommConfig& config,
                      const std::function<void(Communicator&)>& body) {
  VOXLIFT_CHECK(num_ranks >= 1 && num_ranks <= kMostThreadRanks,
                "1 to 4096 thread ranks");
  const auto group = std::make_shared<ThreadGroup>(num_ranks, config);
  std::mutex mutex;
  std::exception_ptr cause;
  bool cause_is_comm = false;
  // A CommError may be the echo of another rank's own error, and come first.
  const auto keep_cause = [&](const std::exception_ptr& error) {
    const bool is_comm = is_comm_error(error);
    const std::scoped_lock lock(mutex);
    if (cause == nullptr || (cause_is_comm && !is_comm)) {
      cause = error;
      cause_is_comm = is_comm;
    }
  };
  {
    std::vector<std::unique_ptr<Worker>> workers;
    workers.reserve(static_cast<size_t>(num_ranks));
    for (int r = 0; r < num_ranks; ++r) {
      workers.push_back(std::make_unique<Worker>(
          str_cat("rank", r),
          [&body, group, r](const std::stop_token& /*stop*/) {
            ThreadComm comm(group, r);
            body(comm);
          },
          [&keep_cause, group, r](const std::exception_ptr& error) {
            keep_cause(error);
            group->abort(r, static_cast<int>(ExitCode::kInternal));
          }));
    }
  }
  if (cause) {
    std::rethrow_exception(cause);
  }
}

}  // namespace voxlift::trainer
