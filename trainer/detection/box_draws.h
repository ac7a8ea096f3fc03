#pragma once
// Streams of the samplers of boxes.

#include <cstdint>

#include "base/random.h"
#include "trainer/model/dropout.h"

namespace voxlift::trainer {

// Values are part of the draws: never reused, never renumbered.
enum class BoxStage : uint64_t { kProposals = 1, kDetections = 2 };

// Of one picture of this slot and step, by its place in the slot's batch: the
// same on any rank.
inline RandomStream box_draws(BoxStage stage, int64_t image) {
  return {slot_seed(), Purpose::kDropout, static_cast<uint64_t>(stage),
          static_cast<uint64_t>(image)};
}

}  // namespace voxlift::trainer
