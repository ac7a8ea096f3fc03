// Recipe steps that change voxel values and leave the grid alone.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>

#include "base/error.h"
#include "base/strings.h"
#include "dataio/memory_volume.h"
#include "dataio/recipe/step_kinds.h"

namespace voxlift::dataio {

namespace {

// Of the values of a CT or MR scan; a smaller deviation means a constant scan.
constexpr double kMinDeviation = 1e-12;

// Computes in float64, so that whole numbers stay exact.
template <typename Function>
void change_voxels(Scan& scan, const Function& function) {
  for (float& voxel : scan.image.voxels) {
    voxel = static_cast<float>(function(static_cast<double>(voxel)));
  }
}

// For steps whose numbers come from all voxels.
void check_finite(const Scan& scan, const std::string& origin) {
  const auto& voxels = scan.image.voxels;
  const auto num_bad =
      std::count_if(voxels.begin(), voxels.end(),
                    [](float voxel) { return !std::isfinite(voxel); });
  if (num_bad > 0) {
    throw DataError(str_cat(origin, ": ", num_bad, " of ", voxels.size(),
                            " voxels are NaN or infinite; put finite:VALUE "
                            "before this step"));
  }
}

bool is_range(const std::vector<double>& numbers) {
  return numbers.size() == 2 && numbers[0] < numbers[1];
}

RecipeStep make_clip(StepArguments& arguments) {
  if (!is_range(arguments.numbers)) {
    return nullptr;
  }
  return [low = arguments.numbers[0], high = arguments.numbers[1]](
             Scan& scan, const std::string&) {
    change_voxels(scan, [&](double x) { return std::clamp(x, low, high); });
  };
}

double windowed(double x, double low, double high) {
  return std::clamp((x - low) / (high - low), 0.0, 1.0) * 255.0;
}

RecipeStep make_window(StepArguments& arguments) {
  if (!is_range(arguments.numbers)) {
    return nullptr;
  }
  return [low = arguments.numbers[0], high = arguments.numbers[1]](
             Scan& scan, const std::string&) {
    change_voxels(scan, [&](double x) { return windowed(x, low, high); });
  };
}

RecipeStep make_window8(StepArguments& arguments) {
  if (!is_range(arguments.numbers)) {
    return nullptr;
  }
  return [low = arguments.numbers[0], high = arguments.numbers[1]](
             Scan& scan, const std::string&) {
    change_voxels(scan,
                  [&](double x) { return std::trunc(windowed(x, low, high)); });
  };
}

RecipeStep make_truncate(StepArguments& arguments) {
  if (!arguments.text.empty()) {
    return nullptr;
  }
  return [](Scan& scan, const std::string&) {
    change_voxels(scan, [](double x) { return std::trunc(x); });
  };
}

RecipeStep make_scale(StepArguments& arguments) {
  if (arguments.numbers.size() != 2) {
    return nullptr;
  }
  return [factor = arguments.numbers[0], offset = arguments.numbers[1]](
             Scan& scan, const std::string&) {
    change_voxels(scan, [&](double x) { return x * factor + offset; });
  };
}

RecipeStep make_finite(StepArguments& arguments) {
  if (arguments.numbers.size() != 1) {
    return nullptr;
  }
  return [value = arguments.numbers[0]](Scan& scan, const std::string&) {
    change_voxels(scan, [&](double x) { return std::isfinite(x) ? x : value; });
  };
}

RecipeStep make_zscore(StepArguments& arguments) {
  if (!arguments.text.empty()) {
    return nullptr;
  }
  return [](Scan& scan, const std::string& origin) {
    check_finite(scan, origin);
    const VoxelMoments moments = measure_voxels(scan.image.voxels);
    const double std = std::max(moments.std, kMinDeviation);
    change_voxels(scan, [&](double x) { return (x - moments.mean) / std; });
  };
}

RecipeStep make_minmax(StepArguments& arguments) {
  if (!is_range(arguments.numbers)) {
    return nullptr;
  }
  return [low = arguments.numbers[0], high = arguments.numbers[1]](
             Scan& scan, const std::string& origin) {
    check_finite(scan, origin);
    const VoxelMoments moments = measure_voxels(scan.image.voxels);
    const double range = moments.max - moments.min;
    change_voxels(scan, [&](double x) {
      return range > 0.0 ? low + (x - moments.min) / range * (high - low) : low;
    });
  };
}

// Between the two sorted values next to `percent` / 100 * (count - 1), as
// numpy.percentile does. Sorts in part.
double percentile(std::vector<float>& voxels, double percent) {
  const double place = percent / 100.0 * static_cast<double>(voxels.size() - 1);
  const auto low = static_cast<int64_t>(place);
  const auto at = voxels.begin() + low;
  std::nth_element(voxels.begin(), at, voxels.end());
  const double value = *at;
  const double weight = place - static_cast<double>(low);
  if (weight == 0.0) {
    return value;
  }
  return value + weight * (*std::min_element(at + 1, voxels.end()) - value);
}

RecipeStep make_percentile(StepArguments& arguments) {
  if (!is_range(arguments.numbers) || arguments.numbers[0] < 0.0 ||
      arguments.numbers[1] > 100.0) {
    return nullptr;
  }
  return [low = arguments.numbers[0], high = arguments.numbers[1]](
             Scan& scan, const std::string& origin) {
    check_finite(scan, origin);
    std::vector<float> copy = scan.image.voxels;
    const double from = percentile(copy, low);
    const double to = percentile(copy, high);
    change_voxels(scan, [&](double x) { return std::clamp(x, from, to); });
  };
}

}  // namespace

std::vector<StepKind> intensity_steps() {
  return {
      {"clip", "clip:LOW,HIGH with LOW < HIGH", make_clip},
      {"window", "window:LOW,HIGH with LOW < HIGH", make_window},
      {"window8", "window8:LOW,HIGH with LOW < HIGH", make_window8},
      {"truncate", "truncate without numbers", make_truncate},
      {"scale", "scale:FACTOR,OFFSET", make_scale},
      {"finite", "finite:VALUE", make_finite},
      {"zscore", "zscore without numbers", make_zscore},
      {"minmax", "minmax:LOW,HIGH with LOW < HIGH", make_minmax},
      {"percentile", "percentile:LOW,HIGH with 0 <= LOW < HIGH <= 100",
       make_percentile},
  };
}

}  // namespace voxlift::dataio
