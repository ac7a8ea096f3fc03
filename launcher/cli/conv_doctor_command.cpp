#include "launcher/cli/conv_doctor_command.h"

#include <algorithm>
#include <iostream>

#include "launcher/cli/command_help.h"
#include "launcher/cli/step_options.h"
#include "trainer/conv_setup.h"
#include "trainer/device.h"
#include "trainer/task/make_task.h"

namespace voxlift::launcher {
namespace {

void show(const trainer::StepTrialConfig& config) {
  const auto& train = config.train;
  trainer::set_compute_threads(train.run.threads);
  const torch::Device device = trainer::choose_device(train.run.device, 0);
  const auto task = trainer::make_task(
      train, train.model, trainer::numbered_classes(train.model.classes),
      device);
  const auto convs = trainer::rehearse(*task, trainer::batch_of(config),
                                       train.run.precision, device);
  const RealClock clock;
  std::cout << trainer::probe_identity(device) << "\n";
  for (const auto& conv : convs) {
    std::cout << trainer::describe(trainer::probe_convs(
        {&conv, 1}, trainer::conv_ways(), device, {.budget_s = 3600.0}, clock));
    std::cout.flush();
  }
}

int run(std::span<const std::string> given) {
  StepOptions options;
  OptionBinder binder("voxlift doctor --conv", false);
  bind_step(binder, options);
  std::vector<std::string> args(given.begin(), given.end());
  std::erase(args, "--conv");
  if (wants_help(args)) {
    print_command_help(
        {"voxlift doctor --conv [OPTIONS]",
         "Times every way to compute each convolution of a network on this "
         "machine, forward\nand backward, compares it with float64, and shows "
         "which one a run would take. What\nearlier runs have remembered is "
         "not used and not changed.",
         {"voxlift doctor --conv --depth 18 --shape 3,224,224",
          "voxlift doctor --conv --task segmentation --network unet3d --shape "
          "32,128,128 \\\n      --classes 2 --slot-batch 1"}},
        binder);
    return 0;
  }
  binder.parse(args);
  resolve(options, 1);
  return trainer::with_torch_errors([&] {
    show(options.trial);
    return 0;
  });
}

}  // namespace

Command conv_doctor_command() {
  return {"doctor", "time the ways to compute a network's convolutions", run};
}

}  // namespace voxlift::launcher
