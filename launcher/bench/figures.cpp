#include "launcher/bench/figures.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "base/error.h"

namespace voxlift::launcher {

double quantile(std::vector<double> values, double share) {
  VOXLIFT_CHECK(!values.empty() && share >= 0.0 && share <= 1.0, "quantile");
  std::sort(values.begin(), values.end());
  const double position = share * static_cast<double>(values.size() - 1);
  const auto low = static_cast<size_t>(position);
  const size_t high = std::min(low + 1, values.size() - 1);
  return std::lerp(values[low], values[high],
                   position - static_cast<double>(low));
}

Json figure(const std::string& name, const std::vector<double>& values,
            const std::string& unit) {
  return {{"name", name},
          {"n", values.size()},
          {"median", quantile(values, 0.5)},
          {"p10", quantile(values, 0.1)},
          {"p90", quantile(values, 0.9)},
          {"unit", unit}};
}

std::vector<double> ratios(const std::vector<double>& a,
                           const std::vector<double>& b) {
  VOXLIFT_CHECK(a.size() == b.size(), "ratios of unequal numbers of rounds");
  std::vector<double> result(a.size());
  std::transform(a.begin(), a.end(), b.begin(), result.begin(),
                 [](double x, double y) { return x / y; });
  return result;
}

double process_cpu_s() {
  timespec now{};
  VOXLIFT_CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0,
                "the clock of the process");
  return static_cast<double>(now.tv_sec) +
         1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace voxlift::launcher
