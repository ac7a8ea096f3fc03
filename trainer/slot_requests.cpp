#include "trainer/slot_requests.h"

#include <algorithm>
#include <memory>
#include <optional>

namespace voxlift::trainer {
namespace {

class SlotRequests {
 public:
  SlotRequests(const sharding::AssignmentConfig& assignment,
               const sharding::SlotRange& slots, int64_t begin_step,
               int64_t end_step)
      : assignment_(assignment),
        slots_(slots),
        step_(begin_step),
        end_step_(end_step),
        slot_(slots.begin),
        steps_per_epoch_(order_of(0).num_steps()) {}

  std::optional<sharding::BatchRequest> next() {
    if (step_ >= end_step_) {
      return std::nullopt;
    }
    const int64_t epoch = step_ / steps_per_epoch_;
    const int64_t step = step_ % steps_per_epoch_;
    sharding::BatchRequest request{
        .epoch = epoch,
        .step = step,
        .slot = slot_,
        .ids = order_of(epoch).slot_samples(step, slot_)};
    if (++slot_ == slots_.end) {
      slot_ = slots_.begin;
      ++step_;
    }
    return request;
  }

 private:
  // The order of one epoch is kept until another is asked for.
  const sharding::EpochAssignment& order_of(int64_t epoch) {
    if (order_ == nullptr || order_->epoch() != epoch) {
      order_ = std::make_unique<sharding::EpochAssignment>(assignment_, epoch);
    }
    return *order_;
  }

  sharding::AssignmentConfig assignment_;
  sharding::SlotRange slots_;
  int64_t step_;
  int64_t end_step_;
  int64_t slot_;
  std::unique_ptr<sharding::EpochAssignment> order_;
  int64_t steps_per_epoch_;
};

}  // namespace

sharding::SampleStream::NextRequest slot_requests(
    const sharding::AssignmentConfig& assignment,
    const sharding::SlotRange& slots, int64_t begin_step, int64_t end_step) {
  const auto requests =
      std::make_shared<SlotRequests>(assignment, slots, begin_step, end_step);
  return [requests] { return requests->next(); };
}

int64_t step_size(const sharding::AssignmentConfig& assignment, int64_t step) {
  const int64_t full = assignment.slots * assignment.slot_batch;
  return std::min(full, assignment.num_samples - step * full);
}

}  // namespace voxlift::trainer
