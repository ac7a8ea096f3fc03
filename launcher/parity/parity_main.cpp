// voxlift-parity: compares our networks with golden vectors.

#include <cstdio>
#include <iostream>

#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"
#include "launcher/cli/command.h"
#include "launcher/parity/parity_check.h"

namespace voxlift::launcher {
namespace {

constexpr const char* kUsage =
    R"(usage: voxlift-parity [--weights FILE] FILE.h5 ...

Builds the network that each file's `model` attribute describes, with any
option values, fills it by the formula of docs/parity.md (or from --weights, a
.pth or .safetensors file), and prints every comparison's error, its tolerance
and pass or fail. Exit code 0 if all pass, 3 if one fails.
)";

// Prints the file's lines; returns how many fail.
int check_file(const std::string& path, const std::string& weights) {
  const GoldenFile golden = read_golden_file(path);
  std::printf("%s  %s\n", path.c_str(), golden.model.dump().c_str());
  int failures = 0;
  for (const ParityLine& line : check_network(golden, weights)) {
    std::printf("  %-4s  error %.3e  tolerance %.0e  %s\n",
                line.passes() ? "pass" : "FAIL", line.error, line.tolerance,
                line.what.c_str());
    failures += line.passes() ? 0 : 1;
  }
  return failures;
}

int run(std::span<const std::string> args) {
  if (args.empty() || wants_help(args)) {
    std::cout << kUsage;
    return args.empty() ? static_cast<int>(ExitCode::kConfig) : 0;
  }
  std::string weights;
  std::vector<std::string> paths;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--weights" && i + 1 < args.size()) {
      weights = args[++i];
    } else {
      paths.push_back(args[i]);
    }
  }
  int failures = 0;
  for (const std::string& path : paths) {
    failures += check_file(path, weights);
  }
  std::printf("%d files, %d failed comparisons\n",
              static_cast<int>(paths.size()), failures);
  return static_cast<int>(failures == 0 ? ExitCode::kOk : ExitCode::kData);
}

}  // namespace
}  // namespace voxlift::launcher

int main(int argc, char** argv) {
  namespace launcher = voxlift::launcher;
  voxlift::init_logging(argv[0], {});
  const auto args = launcher::arguments_of(argc, argv);
  return launcher::run_guarded("voxlift-parity",
                               [&] { return launcher::run(args); });
}
