#include "launcher/cli/export_command.h"

#include <iostream>

#include "base/files.h"
#include "base/strings.h"
#include "launcher/cli/command_help.h"
#include "launcher/cli/file_arguments.h"
#include "launcher/config_file.h"
#include "trainer/device.h"
#include "trainer/weights/network_weights.h"

namespace voxlift::launcher {
namespace {

const CommandHelp kHelp = {
    .usage = "voxlift export FROM TO [OPTIONS]",
    .summary =
        "Writes the weights of a checkpoint for other programs. FROM is a "
        "step_*\nfolder, a run's folder (its newest good checkpoint), a "
        ".safetensors or a .pth\nfile; TO ends in .safetensors or .pth, which "
        "torch.load(weights_only=True)\nreads. Both carry the network's "
        "options. docs/weights.md",
    .examples = {
        "voxlift export runs/r18 r18.safetensors",
        "voxlift export runs/r18/checkpoints/step_00001000 r18.pth --names "
        "bare"}};

struct ExportConfig {
  std::string from;
  std::string to;
  trainer::WriteConfig write;
};

void bind(OptionBinder& binder, ExportConfig& config) {
  binder.add("from", config.from, "checkpoint, run or weight file");
  binder.add("to", config.to, "file to write, .safetensors or .pth");
  binder.add("dtype", config.write.dtype, "keep, float32, float16 or bfloat16");
  binder.add("names", config.write.names,
             "full (backbone.conv1.weight) or bare (conv1.weight)");
  binder.require("from");
  binder.require("to");
}

int run_export(std::span<const std::string> args) {
  ExportConfig config;
  OptionBinder binder("voxlift export", false);
  bind(binder, config);
  if (wants_help(args)) {
    print_command_help(kHelp, binder);
    return 0;
  }
  binder.parse(with_named_files(args));
  config.write.validate("");
  return trainer::with_torch_errors([&] {
    RealFiles files;
    const trainer::NetworkWeights weights =
        trainer::read_network_weights(files, config.from);
    trainer::write_network_weights(weights, config.write, files, config.to);
    std::cout << config.to << ": " << weights.tensors.size() << " tensors from "
              << weights.origin << ", "
              << human_bytes(static_cast<double>(files.size_bytes(config.to)))
              << "\n";
    return 0;
  });
}

}  // namespace

Command export_command() {
  return {"export", "write weights for other programs", run_export};
}

}  // namespace voxlift::launcher
