#pragma once
// Which samples belong to which step and slot: a pure function.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace voxlift::sharding {

// A run is defined over slots, not ranks: slot v of step t gets the same
// samples whatever the number of ranks.
struct AssignmentConfig {
  int64_t num_samples = 0;
  int64_t slots = 1;       // Power of two.
  int64_t slot_batch = 1;  // Samples per slot and full step.
  uint64_t seed = 0;
  bool shuffle = true;
  // The ids that are shared out, num_samples of them; null: 0 .. num_samples-1.
  std::shared_ptr<const std::vector<int64_t>> subset = nullptr;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// The order of one epoch. Immutable; any thread.
//
// Samples 0..n-1 (or those of the subset) are permuted by Fisher-Yates over
// RandomStream(seed, kShuffle, epoch, 0); step t takes the next slots *
// slot_batch of them; the last step takes what is left, shared out as evenly as
// it goes (slots may be empty).
class EpochAssignment {
 public:
  EpochAssignment(const AssignmentConfig& config, int64_t epoch);

  int64_t epoch() const { return epoch_; }

  int64_t num_steps() const;

  // Samples of step t over all slots.
  int64_t step_size(int64_t step) const;

  // Sample ids of slot v at step t, in order. Empty slots give an empty vector.
  std::vector<int64_t> slot_samples(int64_t step, int64_t slot) const;

 private:
  AssignmentConfig config_;
  int64_t epoch_;
  std::vector<int64_t> order_;
};

// The slots of `rank`: contiguous, slots / world_size of them.
// Throws ConfigError naming both numbers if world_size does not divide slots.
struct SlotRange {
  int64_t begin = 0;
  int64_t end = 0;
};

SlotRange slots_of_rank(int64_t slots, int64_t rank, int64_t world_size);

}  // namespace voxlift::sharding
