#pragma once
// Measured values to lines of JSON.

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace voxlift::launcher {

// The value below which `share` of the values lie, by linear interpolation
// between neighbours in order. `values` must not be empty.
double quantile(std::vector<double> values, double share);

// {"name", "n", "median", "p10", "p90", "unit"} of values measured in rounds.
Json figure(const std::string& name, const std::vector<double>& values,
            const std::string& unit);

// a[i] / b[i]: two things measured in alternating rounds are compared round by
// round, so that what disturbs the machine disturbs both.
std::vector<double> ratios(const std::vector<double>& a,
                           const std::vector<double>& b);

// CPU time that all threads of this process have used: unlike wall time, it
// does not grow while other programs hold the processor.
double process_cpu_s();

}  // namespace voxlift::launcher
