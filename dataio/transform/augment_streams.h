#pragma once
// A stream of draws for every kind of augmentation.

#include <cstdint>

#include "base/random.h"

namespace voxlift::dataio {

// Values are part of the draws: never reused, never renumbered.
enum class Augment : uint64_t {
  kForeground = 1,
  kZoom = 2,
  kFlips = 3,
  kElastic = 4,
  kIntensity = 5,
  kNoise = 6,
  kSlices = 7,
};

// Streams keyed by the sample's own one and the kind, so that switching one
// kind on or off changes no draw of another. Takes nothing from `draws`.
class AugmentStreams {
 public:
  explicit AugmentStreams(RandomStream draws) : key_(draws.next_u64()) {}

  RandomStream of(Augment kind) const {
    return {key_, Purpose::kAugment, static_cast<uint64_t>(kind), 0};
  }

 private:
  uint64_t key_;
};

}  // namespace voxlift::dataio
