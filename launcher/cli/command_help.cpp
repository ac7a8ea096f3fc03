#include "launcher/cli/command_help.h"

#include <iostream>

namespace voxlift::launcher {

void print_command_help(const CommandHelp& help, const OptionBinder& binder) {
  std::cout << "usage: " << help.usage << "\n\n"
            << help.summary << "\n\noptions [default]:\n";
  binder.print_help(std::cout);
  std::cout << "\nexamples:\n";
  for (const std::string& example : help.examples) {
    std::cout << "  " << example << "\n";
  }
}

}  // namespace voxlift::launcher
