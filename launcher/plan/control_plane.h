#pragma once
// A dry run of everything that ranks agree on, without a network or files: who
// gets which sample, the tree sum, totals and stop, the cursor, the checkpoint.
// Ranks are threads, so that a thousand fit on a laptop.

#include <cstdint>

namespace voxlift::launcher {

struct ControlPlaneConfig {
  int64_t ranks = 1024;           // Power of two.
  int64_t slots = 0;              // Power of two, >= ranks; 0: one per rank.
  int64_t slot_batch = 32;        // Samples per slot and step.
  int64_t num_samples = 1281167;  // Of ImageNet-1k.
  int64_t values = 4096;          // Length of the summed vector.
  int64_t checkpoint_every_steps = 10;
  uint64_t seed = 0;

  void validate() const;  // Throws ConfigError.
};

struct ControlPlaneResult {
  int64_t steps = 0;        // Of the epoch.
  int64_t samples = 0;      // Each seen once.
  int64_t checkpoints = 0;  // That all ranks agreed on.
  int64_t stop_step = 0;    // At which all ranks saw one rank's wish to stop.
  double seconds = 0.0;
};

// One epoch. Checked in every step: the slots' samples add up to the step's
// size; the sum over the ranks has the bits of the same tree added serially, on
// every rank; every rank sees the same totals, and a rank's wish to stop in the
// step in which it was raised. At the end: every sample was seen exactly once.
// At checkpoints: every rank has the same cursor and the same manifest of all
// ranks' shares. Throws InternalError naming rank and step otherwise.
// Memory: about 8 MB of samples and 50 kB a rank.
ControlPlaneResult run_control_plane(const ControlPlaneConfig& config);

}  // namespace voxlift::launcher
