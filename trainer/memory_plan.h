#pragma once
// What a rank's memory goes into, known after its first slot of samples.

#include <cstdint>
#include <string>

#include "base/json.h"

namespace voxlift::trainer {

// Bytes of one rank. On a GPU, weights, gradients, optimizer and activations
// are the device's; the rest is host memory.
struct MemoryPlan {
  int64_t process = 0;      // Program, libraries, indexes: before the network.
  int64_t weights = 0;      // And statistics.
  int64_t gradients = 0;    // Buckets and the sums of local slots.
  int64_t optimizer = 0;    // And the mean of the weights.
  int64_t activations = 0;  // Measured: forward and backward of a slot.
  int64_t loader = 0;       // Batches decoded ahead.
  int64_t checkpoint = 0;   // This rank's copy of its part.

  int64_t total() const;
  Json to_json() const;
  // "1.42 GB: activations 0.80, weights 0.13, ..."
  std::string text() const;
};

}  // namespace voxlift::trainer
