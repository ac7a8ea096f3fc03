#pragma once
// The samples that a rank loads over a whole run, slot by slot.

#include "sharding/assignment.h"
#include "sharding/sample_stream.h"

namespace voxlift::trainer {

// Requests for `slots` of steps begin_step .. end_step - 1, counted since the
// beginning of the run; epochs follow each other.
sharding::SampleStream::NextRequest slot_requests(
    const sharding::AssignmentConfig& assignment,
    const sharding::SlotRange& slots, int64_t begin_step, int64_t end_step);

// Samples of step `step` of an epoch over all slots; the same in every epoch.
int64_t step_size(const sharding::AssignmentConfig& assignment, int64_t step);

}  // namespace voxlift::trainer
