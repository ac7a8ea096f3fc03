#include "launcher/cli/trainer_program.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"

namespace voxlift::launcher {
namespace {

[[noreturn]] void become_trainer(const std::string& command,
                                 std::span<const std::string> args) {
  const std::string self =
      std::filesystem::read_symlink("/proc/self/exe").string();
  std::vector<std::string> words = {
      join_path(parent_dir(self), "voxlift-trainer"), command};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  throw ConfigError(
      str_cat("'", command, "' needs the program '", words[0],
              "' (built with -DVOXLIFT_TORCH=ON): ", std::strerror(errno)));
}

}  // namespace

Command make_trainer_command(const std::string& name,
                             const std::string& summary) {
  return {name, summary, [name](std::span<const std::string> args) -> int {
            become_trainer(name, args);
          }};
}

}  // namespace voxlift::launcher
