#pragma once
// The end of the allocation, foreseen.

#include <limits>

namespace voxlift::trainer {

// Says when to stop so that neither a step nor its checkpoint is lost: one more
// step may take as long as the longest so far, and its checkpoint kSafety times
// the longest so far. What has not been measured yet counts as nothing, so the
// margin must cover a first step and a first checkpoint. Only the rank that
// writes measures checkpoints; one rank's wish stops all. One thread.
class AllocationEnd {
 public:
  // Checkpoints share the file system with strangers.
  static constexpr double kSafety = 1.5;

  // `end_s`: on the clock of is_near(); infinity: never. `margin_s`: left over.
  explicit AllocationEnd(double end_s = std::numeric_limits<double>::infinity(),
                         double margin_s = 0.0)
      : end_s_(end_s), margin_s_(margin_s) {}

  // Durations, in seconds.
  void add_step(double seconds);
  void add_checkpoint(double seconds);

  // Would a step that begins at `now_s`, or its checkpoint, end too late?
  bool is_near(double now_s) const;

 private:
  double end_s_;
  double margin_s_;
  double longest_step_s_ = 0.0;
  double longest_checkpoint_s_ = 0.0;
};

}  // namespace voxlift::trainer
