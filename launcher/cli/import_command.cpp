#include "launcher/cli/import_command.h"

#include <iostream>
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "launcher/cli/command_help.h"
#include "launcher/cli/file_arguments.h"
#include "launcher/cli/train_options.h"
#include "launcher/config_file.h"
#include "trainer/detection/detector.h"
#include "trainer/device.h"
#include "trainer/model/make_network.h"
#include "trainer/model/model_json.h"
#include "trainer/model/pyramid.h"
#include "trainer/weights/import_weights.h"
#include "trainer/weights/published_names.h"

namespace voxlift::launcher {
namespace {

const CommandHelp kHelp = {
    .usage = "voxlift import FROM TO [OPTIONS]",
    .summary =
        "Reads a weight file of another program (.pth, zip or legacy, or "
        ".safetensors),\nprints which of its tensors the network has, and "
        "writes those under the\nnetwork's names. The network's options may "
        "stand without \"model.\". Exit code 2\nif too few match. "
        "docs/weights.md",
    .examples = {
        "voxlift import res3d18.pth r18.safetensors --depth 18",
        "voxlift import resnet18.pth acs18.safetensors --conv acs --convert "
        "acs --rgb sum",
        "voxlift import Genesis_Chest_CT.pt genesis.safetensors --network "
        "genesis_unet3d"}};

struct ImportOptions {
  std::string from;
  std::string to;
  int64_t list = 20;
  trainer::ModelConfig model;
  trainer::ImportConfig config;
};

void bind(OptionBinder& binder, ImportOptions& options) {
  trainer::ImportConfig& config = options.config;
  binder.add("from", options.from, "weight file, checkpoint or run");
  binder.add("to", options.to, "file to write, .safetensors or .pth");
  binder.add("list", options.list, "most names printed of each kind");
  binder.add("min-matched-frac", config.min_matched_frac,
             "a smaller share of the network's tensors is an error");
  binder.add("heads", config.heads,
             "heads and decoders, too; false: the backbone");
  binder.add("shortcuts", config.shortcuts,
             "a shortcut in the first block of an early file: keep or drop");
  binder.add("convert", config.convert.convert,
             "2D kernels as i3d, acs (with --conv acs) or 2.5d; none");
  binder.add("rgb", config.convert.rgb,
             "three input channels as one: sum, mean or none");
  bind_model_options(binder, options.model);
  binder.require("from");
  binder.require("to");
}

// "--depth" is short for "--model.depth".
void name_model_options(std::vector<std::string>* args) {
  const Json known = trainer::to_json(trainer::ModelConfig());
  for (std::string& arg : *args) {
    const std::string name = arg.substr(0, arg.find('='));
    if (name.starts_with("--") && known.contains(name.substr(2))) {
      arg.insert(2, "model.");
    }
  }
}

// What has the names and shapes; of a detector its backbone and pyramid, and
// its heads where the file has some.
std::shared_ptr<torch::nn::Module> module_of(const trainer::ModelConfig& model,
                                             const trainer::TensorMap& source) {
  if (model.network != "p3d" && model.network != "mp3d") {
    return trainer::make_network(model, 0).module;
  }
  const trainer::P3dOptions backbone = trainer::p3d_options(model);
  if (trainer::has_box_heads(source)) {
    const trainer::TrainConfig defaults;
    return trainer::Detector(backbone, defaults.detector, model.classes).ptr();
  }
  return trainer::Pyramid(backbone).ptr();
}

void import_file(const ImportOptions& options) {
  RealFiles files;
  const trainer::NetworkWeights source =
      trainer::read_network_weights(files, options.from);
  const trainer::ModelConfig model =
      trainer::complete_model(options.model, source.tensors, options.config);
  const auto network = module_of(model, source.tensors);
  const trainer::Imported imported =
      trainer::import_weights(*network, model, source, options.config);
  std::cout << source.origin << ": " << source.tensors.size() << " tensors\n"
            << imported.report.text(static_cast<size_t>(options.list));
  trainer::write_network_weights(imported.weights, {}, files, options.to);
  std::cout << options.to << ": " << imported.weights.tensors.size()
            << " tensors written\n";
}

int run_import(std::span<const std::string> given_args) {
  ImportOptions options;
  OptionBinder binder("voxlift import", false);
  bind(binder, options);
  if (wants_help(given_args)) {
    print_command_help(kHelp, binder);
    return 0;
  }
  std::vector<std::string> args = with_named_files(given_args);
  name_model_options(&args);
  binder.parse(args);
  if (options.list < 0) {
    throw ConfigError(str_cat("list = ", options.list, ": must be at least 0"));
  }
  options.config.validate("", options.model.resnet.conv);
  options.model.validate("model.");
  return trainer::with_torch_errors([&] {
    import_file(options);
    return 0;
  });
}

}  // namespace

Command import_command() {
  return {"import", "make another program's weights ours", run_import};
}

}  // namespace voxlift::launcher
