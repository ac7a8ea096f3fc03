#pragma once
// Other programs' answers.

#include <optional>
#include <string>
#include <vector>

namespace voxlift::launcher {

struct CommandOutput {
  int exit_code = -1;  // 128 + N if signal N ended it.
  std::string text;    // Standard output and error, as they came.
};

// Runs a program to its end; argv[0] is looked up in PATH. Nothing if it cannot
// be run, or has not ended after `timeout_s`: then it is killed with its
// process group. Do not call it while a RankGroup lives, which reaps every
// child.
std::optional<CommandOutput> run_command(const std::vector<std::string>& argv,
                                         double timeout_s);

// The output of a program that has ended with 0; else nothing.
std::optional<std::string> answer_of(const std::vector<std::string>& argv,
                                     double timeout_s);

}  // namespace voxlift::launcher
