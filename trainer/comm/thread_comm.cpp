#include "trainer/comm/thread_comm.h"

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

// Barriers by generation and a mailbox per ordered pair of ranks. Collectives
// publish their buffers, meet, read each other's, and meet again.
class ThreadGroup {
 public:
  ThreadGroup(int size, const CommConfig& config)
      : size_(size), config_(config), posted_(static_cast<size_t>(size)) {}

  int size() const { return size_; }

  // The buffer that `rank` takes part with in the collective under way. Valid
  // between two barriers.
  Buffer& posted(int rank) { return posted_[static_cast<size_t>(rank)]; }

  void barrier(const char* operation, int rank) {
    std::unique_lock lock(mutex_);
    const int64_t generation = generation_;
    arrived_ |= uint64_t{1} << rank;
    if (++num_arrived_ == size_) {
      num_arrived_ = 0;
      arrived_ = 0;
      ++generation_;
      changed_.notify_all();
      return;
    }
    wait(lock, operation, [&] { return generation_ != generation; });
  }

  void put(int from, int to, std::vector<std::byte> message) {
    const std::scoped_lock lock(mutex_);
    mailboxes_[{from, to}].push_back(std::move(message));
    changed_.notify_all();
  }

  std::vector<std::byte> take(int from, int to) {
    std::unique_lock lock(mutex_);
    auto& box = mailboxes_[{from, to}];
    wait(lock, str_cat("exchange with rank ", from).c_str(),
         [&] { return !box.empty(); });
    std::vector<std::byte> message = std::move(box.front());
    box.pop_front();
    return message;
  }

  void abort(int rank, int code) {
    const std::scoped_lock lock(mutex_);
    if (aborted_by_ < 0) {
      aborted_by_ = rank;
      abort_code_ = code;
    }
    changed_.notify_all();
  }

 private:
  template <typename Done>
  void wait(std::unique_lock<std::mutex>& lock, const char* operation,
            Done done) {
    const double limit_s =
        generation_ == 0 ? config_.first_deadline_s : config_.deadline_s;
    const bool in_time =
        changed_.wait_for(lock, std::chrono::duration<double>(limit_s),
                          [&] { return aborted_by_ >= 0 || done(); });
    if (done()) {
      return;
    }
    if (in_time) {
      throw CommError(str_cat(operation, ": rank ", aborted_by_,
                              " has ended the group with code ", abort_code_));
    }
    throw CommError(str_cat(operation, ": waited ", limit_s,
                            " s; ranks not there:", missing_ranks()));
  }

  std::string missing_ranks() const {
    std::string text;
    for (int r = 0; r < size_; ++r) {
      if ((arrived_ >> r & 1U) == 0) {
        text += str_cat(" ", r);
      }
    }
    return text;
  }

  const int size_;
  const CommConfig config_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Buffer> posted_;
  std::map<std::pair<int, int>, std::deque<std::vector<std::byte>>> mailboxes_;
  int64_t generation_ = 0;
  int num_arrived_ = 0;
  uint64_t arrived_ = 0;
  int aborted_by_ = -1;
  int abort_code_ = 0;
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
  VOXLIFT_CHECK(num_ranks >= 1 && num_ranks <= 64, "1 to 64 thread ranks");
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
