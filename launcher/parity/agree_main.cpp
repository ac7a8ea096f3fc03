// voxlift-agree: what our functions say about arrays from outside.

#include <iostream>

#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"
#include "launcher/cli/command.h"
#include "launcher/parity/agree_check.h"

namespace voxlift::launcher {
namespace {

const AgreeChecks& checks() {
  static const AgreeChecks kChecks = {
      {"box_losses", agree_box_losses},
      {"boxes", agree_boxes},
      {"detections", agree_detections},
      {"masks", agree_masks},
      {"nms", agree_nms},
      {"quantile", agree_quantile},
      {"roc", agree_roc},
      {"roi_align", agree_roi_align},
      {"voxel_losses", agree_voxel_losses},
      {"window", agree_window},
  };
  return kChecks;
}

constexpr const char* kUsage = R"(usage: voxlift-agree CHECK FILE.h5

Gives every group of the file to the check and prints one JSON object for it,
{"case": name, ...}; {"case": name, "error": line} where the input is refused.
)";

Json check_case(AgreeCheck check, const sharding::H5Group& input,
                const std::string& name) {
  Json line = {{"case", name}};
  try {
    line.update(check(input));
  } catch (const Error& error) {
    line["error"] = error.what();
  }
  return line;
}

int run(std::span<const std::string> args) {
  if (args.size() != 2 || wants_help(args)) {
    std::cout << kUsage;
    for (const auto& [name, check] : checks()) {
      std::cout << "  " << name << "\n";
    }
    return static_cast<int>(wants_help(args) ? ExitCode::kOk
                                             : ExitCode::kConfig);
  }
  const auto check = checks().find(args[0]);
  if (check == checks().end()) {
    throw ConfigError(str_cat("no check '", args[0], "'"));
  }
  const sharding::H5Group root = sharding::H5File::open(args[1]).root();
  for (const std::string& name : root.children()) {
    std::cout << check_case(check->second, root.group(name), name) << "\n";
  }
  return 0;
}

}  // namespace
}  // namespace voxlift::launcher

int main(int argc, char** argv) {
  namespace launcher = voxlift::launcher;
  voxlift::init_logging(argv[0], {});
  const auto args = launcher::arguments_of(argc, argv);
  return launcher::run_guarded("voxlift-agree",
                               [&] { return launcher::run(args); });
}
