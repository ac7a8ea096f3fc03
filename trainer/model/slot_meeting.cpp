#include "trainer/model/slot_meeting.h"

#include <thread>
#include <utility>

#include "base/error.h"

namespace voxlift::trainer {
namespace {

c10::intrusive_ptr<SlotSeat>& seat_of_thread() {
  thread_local c10::intrusive_ptr<SlotSeat> seat;
  return seat;
}

}  // namespace

c10::intrusive_ptr<SlotSeat> SlotSeat::here() {
  return seat_of_thread();
}

torch::Tensor SlotSeat::meet(const torch::Tensor& mine) {
  return meeting_.meet(slot_, mine);
}

SlotMeeting::SlotMeeting(int64_t local_slots, int64_t width, Sum sum)
    : local_slots_(local_slots), width_(width), sum_(std::move(sum)) {}

void SlotMeeting::run(const std::function<void(int64_t)>& body) {
  turn_ = 0;
  error_ = nullptr;
  leaves_.clear();
  meets_.assign(static_cast<size_t>(local_slots_), 0);
  if (local_slots_ == 1) {
    run_slot(0, body);
  } else {
    std::vector<std::jthread> threads;
    for (int64_t slot = 0; slot < local_slots_; ++slot) {
      threads.emplace_back([this, slot, &body] { run_slot(slot, body); });
    }
  }
  result_.reset();
  if (error_) {
    std::rethrow_exception(error_);
  }
}

void SlotMeeting::run_slot(int64_t slot,
                           const std::function<void(int64_t)>& body) {
  seat_of_thread() = c10::make_intrusive<SlotSeat>(*this, slot);
  try {
    std::unique_lock lock(mutex_);
    wait_for_turn(slot, lock);
    lock.unlock();
    body(slot);
    lock.lock();
    VOXLIFT_CHECK(meets_[static_cast<size_t>(slot)] == meets_.front(),
                  "a slot met less often than the first");
    pass_turn(slot);
  } catch (...) {
    fail(std::current_exception());
  }
  seat_of_thread().reset();
}

torch::Tensor SlotMeeting::meet(int64_t slot, const torch::Tensor& mine) {
  const torch::NoGradGuard no_grad;
  VOXLIFT_CHECK(mine.numel() <= width_, "more than the meeting's width");
  torch::Tensor leaf = torch::zeros({width_}, mine.options());
  leaf.narrow(0, 0, mine.numel()).copy_(mine);
  auto& met = meets_[static_cast<size_t>(slot)];
  ++met;
  VOXLIFT_CHECK(met <= meets_.front(), "a slot met more often than the first");
  leaves_.push_back(std::move(leaf));
  if (slot + 1 == local_slots_) {
    result_ = sum_(std::exchange(leaves_, {}));
  }
  if (local_slots_ > 1) {
    std::unique_lock lock(mutex_);
    pass_turn(slot);
    wait_for_turn(slot, lock);
  }
  return result_.narrow(0, 0, mine.numel());
}

void SlotMeeting::wait_for_turn(int64_t slot,
                                std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [&] { return turn_ == slot || error_ != nullptr; });
  if (error_) {
    throw InternalError("another slot has failed");
  }
}

// Under the lock.
void SlotMeeting::pass_turn(int64_t slot) {
  turn_ = (slot + 1) % local_slots_;
  changed_.notify_all();
}

void SlotMeeting::fail(std::exception_ptr error) {
  const std::scoped_lock lock(mutex_);
  if (!error_) {
    error_ = std::move(error);
  }
  changed_.notify_all();
}

}  // namespace voxlift::trainer
