#pragma once
// The sentence that a configuration field out of range gets.

#include <string>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::dataio {

// Throws ConfigError "path.field = value, want RANGE; nearest: NEAREST" unless
// low <= value <= high; `range` says the interval in words. NaN never passes.
template <typename T>
void check_field(const std::string& name, T value, T low, T high,
                 const std::string& range) {
  if (!(value >= low && value <= high)) {
    const T nearest = value > high ? high : low;
    throw ConfigError(
        str_cat(name, " = ", value, ", want ", range, "; nearest: ", nearest));
  }
}

}  // namespace voxlift::dataio
