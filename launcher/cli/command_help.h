#pragma once
// What `voxlift COMMAND --help` shows.

#include <string>
#include <vector>

#include "launcher/config_file.h"

namespace voxlift::launcher {

struct CommandHelp {
  std::string usage;    // "voxlift pack --source DIR --out DIR [OPTIONS]".
  std::string summary;  // Some lines of text.
  std::vector<std::string> examples;
};

// Prints usage, summary, the binder's options with their defaults, examples.
void print_command_help(const CommandHelp& help, const OptionBinder& binder);

}  // namespace voxlift::launcher
