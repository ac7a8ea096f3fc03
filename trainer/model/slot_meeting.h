#pragma once
// Slots of one step that must know something of each other before they go on.

#include <torch/torch.h>

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

namespace voxlift::trainer {

class SlotMeeting;

// A slot's place in a meeting; kept by what the slot leaves for its backward
// pass. The meeting outlives it.
class SlotSeat : public torch::CustomClassHolder {
 public:
  SlotSeat(SlotMeeting& meeting, int64_t slot)
      : meeting_(meeting), slot_(slot) {}

  // The seat of the slot that this thread runs; null outside a meeting.
  static c10::intrusive_ptr<SlotSeat> here();

  // COLLECTIVE over all slots of all ranks. The sum of every slot's `mine`:
  // float64 (n), n at most the meeting's width and the same for all slots.
  torch::Tensor meet(const torch::Tensor& mine);

 private:
  SlotMeeting& meeting_;
  int64_t slot_;
};

// Runs the local slots side by side, each on a thread of its own, but only one
// at a time: slot 0 until it meets, then slot 1 until it meets, and so on; the
// last one forms the sum, and slot 0 goes on. So there is no race, and the
// order of everything is fixed. Every slot must meet equally often; one without
// samples meets with zeros.
//
// A slot's backward pass must run on the thread that calls it: true for the
// CPU; on a GPU only with one local slot, which needs no thread of its own.
class SlotMeeting {
 public:
  // Adds the leaves of the local slots, then over the ranks. COLLECTIVE.
  using Sum = std::function<torch::Tensor(std::vector<torch::Tensor> leaves)>;

  SlotMeeting(int64_t local_slots, int64_t width, Sum sum);

  int64_t width() const { return width_; }

  // Calls body(slot) for each local slot; returns when all have ended. Rethrows
  // what the first one to fail has thrown; the others are not waited for longer
  // than they compute.
  void run(const std::function<void(int64_t)>& body);

 private:
  friend class SlotSeat;

  void run_slot(int64_t slot, const std::function<void(int64_t)>& body);
  torch::Tensor meet(int64_t slot, const torch::Tensor& mine);
  void wait_for_turn(int64_t slot, std::unique_lock<std::mutex>& lock);
  void pass_turn(int64_t slot);
  void fail(std::exception_ptr error);

  int64_t local_slots_;
  int64_t width_;
  Sum sum_;

  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t turn_ = 0;
  std::vector<torch::Tensor> leaves_;  // Of the meeting under way.
  torch::Tensor result_;               // Of the last one.
  std::vector<int64_t> meets_;         // By slot.
  std::exception_ptr error_;
};

}  // namespace voxlift::trainer
