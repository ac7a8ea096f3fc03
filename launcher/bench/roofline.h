#pragma once
// A step's time by kind of operation, beside what the machine could do at best.

#include <ostream>
#include <string>
#include <vector>

#include "launcher/bench/machine_peaks.h"
#include "trainer/step_trial.h"

namespace voxlift::launcher {

struct RooflineLine {
  std::string kind;
  double seconds = 0.0;
  double flop = 0.0;   // Of convolutions, as the direct sum counts them.
  double bytes = 0.0;  // Tensors read and written once.
  // The longer of flop / peak and bytes / bandwidth.
  double floor_s = 0.0;
};

// Of the step that the trial has watched. "outside of operators" is what is
// left of the step's time: update, sums over slots and ranks, our own kernels.
std::vector<RooflineLine> roofline(const trainer::StepTrialResult& result,
                                   const MachinePeaks& peaks);

// For people.
void print_roofline(const std::vector<RooflineLine>& lines,
                    const MachinePeaks& peaks, std::ostream& out);

}  // namespace voxlift::launcher
