#include "launcher/cli/synth_command.h"

#include <iostream>

#include "base/clock.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/strings.h"
#include "dataio/synth.h"
#include "dataio/synth_boxes.h"
#include "launcher/cli/command_help.h"

namespace voxlift::launcher {
namespace {

// Photographs and volumes have the same options with defaults of their own.
template <typename Config>
OptionBinder bind(Config& config, std::string& out) {
  OptionBinder binder("voxlift synth", false);
  binder.add("out", out, "folder to write, new or empty");
  binder.add("classes", config.num_classes, "number of classes");
  binder.add("train-per-class", config.train_per_class, "training samples");
  binder.add("val-per-class", config.val_per_class, "validation samples");
  binder.add("size", config.size, "side in pixels or voxels");
  binder.add("seed", config.seed, "same seed, same bytes");
  binder.require("out");
  return binder;
}

OptionBinder bind(dataio::SynthBoxesConfig& config, std::string& out) {
  OptionBinder binder("voxlift synth boxes", false);
  binder.add("out", out, "folder to write, new or empty");
  binder.add("train", config.train, "training pictures");
  binder.add("val", config.val, "validation pictures");
  binder.add("size", config.size, "longer side in pixels");
  binder.add("seed", config.seed, "same seed, same bytes");
  binder.require("out");
  return binder;
}

void print_help() {
  dataio::SynthPhotosConfig config;
  std::string out;
  print_command_help(
      {"voxlift synth photos|volumes|boxes --out DIR [OPTIONS]",
       "Writes a small generated data set with labels: photographs as JPEG in "
       "the\nImageNet layout, scans as .nii.gz with CSV lists, or pictures "
       "with boxes in\nCOCO's layout (options: --train, --val, --size, "
       "--seed). The options and\ndefaults shown are those of photos.",
       {"voxlift synth photos --out world --classes 8 --train-per-class 200",
        "voxlift synth volumes --out scans --size 52 --seed 7"}},
      bind(config, out));
}

// Calls write(progress) for so many files.
template <typename Write>
void with_progress(int64_t total, const Write& write) {
  const RealClock clock;
  ProgressLine progress("synth", "file", total, false, clock);
  progress.update(0);
  write([&](int64_t done, int64_t /*total*/) { progress.update(done); });
  progress.update(total);
  progress.finish();
}

int synthesise_boxes(std::span<const std::string> args) {
  dataio::SynthBoxesConfig config;
  std::string out;
  bind(config, out).parse(args);
  config.validate("synth");
  with_progress(config.train + config.val, [&](const auto& done) {
    dataio::write_synth_boxes(out, config, done);
  });
  std::cout << "wrote " << config.train << " and " << config.val
            << " pictures with boxes to " << out << "\n";
  return 0;
}

template <typename Config, typename Write>
int synthesise(std::span<const std::string> args, const Write& write) {
  Config config;
  std::string out;
  bind(config, out).parse(args);
  config.validate("synth");
  const int64_t total =
      config.num_classes * (config.train_per_class + config.val_per_class);
  with_progress(total, [&](const auto& done) { write(out, config, done); });
  std::cout << "wrote " << config.num_classes << " classes, " << total
            << " samples to " << out << "\n";
  return 0;
}

int run(std::span<const std::string> args) {
  if (wants_help(args)) {
    print_help();
    return 0;
  }
  const std::string kind = args.empty() ? "" : args[0];
  if (kind == "photos") {
    return synthesise<dataio::SynthPhotosConfig>(args.subspan(1),
                                                 dataio::write_synth_photos);
  }
  if (kind == "volumes") {
    return synthesise<dataio::SynthVolumesConfig>(args.subspan(1),
                                                  dataio::write_synth_volumes);
  }
  if (kind == "boxes") {
    return synthesise_boxes(args.subspan(1));
  }
  throw ConfigError(
      str_cat("say what to make, 'photos', 'volumes' or 'boxes', "
              "not '",
              kind, "' (see voxlift synth --help)"));
}

}  // namespace

Command make_synth_command() {
  return {"synth", "write a small generated data set", run};
}

}  // namespace voxlift::launcher
