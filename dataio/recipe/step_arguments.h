#pragma once
// What stands after the colon of a recipe step.

#include <string>
#include <vector>

namespace voxlift::dataio {

struct StepArguments {
  // As given without outer blanks; for numbers canonical: the shortest text
  // that reads back as the same, "," between.
  std::string text;
  // All fields, if each is a finite number; else empty.
  std::vector<double> numbers;
};

StepArguments parse_arguments(const std::string& text);

}  // namespace voxlift::dataio
