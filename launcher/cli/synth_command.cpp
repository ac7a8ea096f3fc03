#include "launcher/cli/synth_command.h"

#include <iostream>

#include "base/clock.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/strings.h"
#include "dataio/synth.h"
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

void print_help() {
  dataio::SynthPhotosConfig config;
  std::string out;
  print_command_help(
      {"voxlift synth photos|volumes --out DIR [OPTIONS]",
       "Writes a small generated data set with labels: photographs as JPEG in "
       "the\nImageNet layout, or scans as .nii.gz with CSV lists. The "
       "defaults shown are\nthose of photos.",
       {"voxlift synth photos --out world --classes 8 --train-per-class 200",
        "voxlift synth volumes --out scans --size 52 --seed 7"}},
      bind(config, out));
}

template <typename Config, typename Write>
int synthesise(std::span<const std::string> args, const Write& write) {
  Config config;
  std::string out;
  bind(config, out).parse(args);
  config.validate("synth");
  const RealClock clock;
  const int64_t total =
      config.num_classes * (config.train_per_class + config.val_per_class);
  ProgressLine progress("synth", "file", total, false, clock);
  progress.update(0);
  write(out, config,
        [&](int64_t done, int64_t /*total*/) { progress.update(done); });
  progress.update(total);
  progress.finish();
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
  throw ConfigError(str_cat("say what to make, 'photos' or 'volumes', not '",
                            kind, "' (see voxlift synth --help)"));
}

}  // namespace

Command make_synth_command() {
  return {"synth", "write a small generated data set", run};
}

}  // namespace voxlift::launcher
