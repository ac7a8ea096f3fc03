#include "dataio/recipe/step_arguments.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/strings.h"

namespace voxlift::dataio {

namespace {

std::string number_text(double number) {
  std::array<char, 32> buffer{};
  // Adding 0 makes -0 a 0.
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), number + 0.0);
  return {buffer.data(), end.ptr};
}

}  // namespace

StepArguments parse_arguments(const std::string& text) {
  const std::string trimmed = str_trim(text);
  std::vector<double> numbers;
  std::vector<std::string> fields;
  for (const std::string& field : str_split(trimmed, ',')) {
    const auto number = parse_double(str_trim(field));
    if (!number || !std::isfinite(*number)) {
      return {trimmed, {}};
    }
    numbers.push_back(*number);
    fields.push_back(number_text(*number));
  }
  return {str_join(fields, ","), numbers};
}

}  // namespace voxlift::dataio
