#include "trainer/allocation_end.h"

#include <algorithm>

namespace voxlift::trainer {

void AllocationEnd::add_step(double seconds) {
  longest_step_s_ = std::max(longest_step_s_, seconds);
}

void AllocationEnd::add_checkpoint(double seconds) {
  longest_checkpoint_s_ = std::max(longest_checkpoint_s_, seconds);
}

bool AllocationEnd::is_near(double now_s) const {
  return now_s + longest_step_s_ + kSafety * longest_checkpoint_s_ + margin_s_ >
         end_s_;
}

}  // namespace voxlift::trainer
