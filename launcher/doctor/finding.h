#pragma once
// What `voxlift doctor` finds.

#include <string>
#include <vector>

namespace voxlift::launcher {

struct Finding {
  std::string area;   // "machine", "slurm", ...
  std::string name;   // "open files".
  std::string value;  // "1048576".
  // What is wrong, and what the reader does about it; empty: nothing is.
  std::string problem;
  std::string remedy;
};

using Findings = std::vector<Finding>;

}  // namespace voxlift::launcher
