#pragma once
// The sentence that a configuration field out of range gets.

#include <algorithm>
#include <string>
#include <vector>

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

// Throws ConfigError "name = 'value', want A or B; nearest: A" unless `value`
// is one of `choices`.
inline void check_choice(const std::string& name, const std::string& value,
                         const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    throw ConfigError(str_cat(name, " = '", value, "', want ",
                              str_join(choices, " or "),
                              "; nearest: ", nearest_word(value, choices)));
  }
}

}  // namespace voxlift::dataio
