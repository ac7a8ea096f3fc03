#include "launcher/cli/file_arguments.h"

namespace voxlift::launcher {

std::vector<std::string> with_named_files(std::span<const std::string> args) {
  std::vector<std::string> named(args.begin(), args.end());
  const char* const prefixes[] = {"--from=", "--to="};
  for (size_t i = 0; i < named.size() && i < std::size(prefixes); ++i) {
    if (named[i].starts_with("-")) {
      break;
    }
    named[i].insert(0, prefixes[i]);
  }
  return named;
}

}  // namespace voxlift::launcher
