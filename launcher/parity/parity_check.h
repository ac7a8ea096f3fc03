#pragma once
// Comparisons of a network with golden vectors, one line each.

#include <string>
#include <vector>

#include "launcher/parity/golden_file.h"

namespace voxlift::launcher {

struct ParityLine {
  std::string what;
  double error = 0.0;
  double tolerance = 0.0;

  bool passes() const { return error <= tolerance; }  // False for NaN.
};

// Builds the network that `golden.model` says, fills it by the formula (or
// from `weights`, a .pth or .safetensors file) and compares parameter names and
// shapes, outputs in evaluation mode, and training steps in float64.
// Throws ConfigError, DataError.
std::vector<ParityLine> check_network(const GoldenFile& golden,
                                      const std::string& weights);

}  // namespace voxlift::launcher
