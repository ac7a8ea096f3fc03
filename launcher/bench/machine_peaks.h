#pragma once
// What this machine can do at most, measured.

#include <cstdint>

namespace voxlift::launcher {

struct MachinePeaks {
  double flop_s = 0.0;   // Float32, fused multiply-add counted as two.
  double bytes_s = 0.0;  // Read and written by a copy of large blocks.
};

// The best of some rounds of about 0.1 s on so many threads.
MachinePeaks measure_peaks(int64_t threads);

}  // namespace voxlift::launcher
