#include "launcher/cli/step_bench_command.h"

#include <iostream>

#include "base/error.h"
#include "base/strings.h"
#include "launcher/bench/step_bench.h"
#include "launcher/bench/window_bench.h"
#include "launcher/cli/command_help.h"
#include "launcher/cli/rank_frame.h"
#include "launcher/cli/step_options.h"
#include "launcher/cli/user_cache.h"
#include "trainer/comm/nccl_comm.h"
#include "trainer/device.h"

namespace voxlift::launcher {
namespace {

constexpr const char* kName = "train.step";
constexpr const char* kWindow = "infer.window";
// Ranks that share a scan wait for each other at its end.
constexpr double kPatience_s = 3600.0;

void run_trial(const trainer::StepTrialConfig& config,
               trainer::Communicator& control) {
  RealFiles files;
  const RealClock clock;
  trainer::set_compute_threads(config.train.run.threads);
  const torch::Device device =
      trainer::choose_device(config.train.run.device, local_rank_of(control));
  std::unique_ptr<trainer::Communicator> nccl;
  if (device.is_cuda() && control.size() > 1) {
    nccl = trainer::make_nccl_comm(
        control, {.device = static_cast<int>(device.index())}, {});
  }
  trainer::TrainContext context = {.control = control,
                                   .data = nccl ? *nccl : control,
                                   .device = device,
                                   .files = files,
                                   .clock = clock,
                                   .stop_requested = [] { return false; },
                                   .conv_memory = user_cache_folder("auto"),
                                   .resolved_config = {},
                                   .configuration_file = {}};
  bench_step(config, context, std::cout);
  if (nccl) {
    nccl->finish();
  }
}

int run_step(std::span<const std::string> args) {
  StepOptions step;
  OptionBinder binder(str_cat("voxlift bench ", kName), false);
  bind_step(binder, step);
  bind_timing(binder, step.trial);
  if (wants_help(args)) {
    print_command_help(
        {str_cat("voxlift bench ", kName, " [OPTIONS]"),
         "Time of a training step on random voxels: forward, backward, sum "
         "over the ranks,\nupdate. Under mpirun every process is a rank. One "
         "JSON object a line.",
         {"voxlift bench train.step --slot-batch 4 --steps 10",
          "mpirun -n 2 voxlift bench train.step --shape 3,112,112"}},
        binder);
    return 0;
  }
  const auto comm = open_communicator({});
  return run_ranks(*comm, str_cat("voxlift bench ", kName), [&] {
    trainer::run_alike(*comm, [&] {
      binder.parse(args);
      resolve(step, comm->size());
    });
    return trainer::with_torch_errors([&] {
      run_trial(step.trial, *comm);
      return 0;
    });
  });
}

void bind(OptionBinder& binder, WindowBenchConfig& config) {
  auto& window = config.segment.window;
  binder.add("shape", config.shape, "depth,height,width of the scan");
  binder.add("classes", config.classes, "labels");
  binder.add("network", config.network,
             "pointwise (next to no work), or a network for segmentation");
  binder.add("window", window.window, "depth,height,width of a window");
  binder.add("stride", window.stride, "between windows; 0: half of one");
  binder.add("weights", window.weights, "gaussian or count");
  binder.add("batch", window.batch, "windows per forward pass");
  binder.add("threads", config.threads, "compute threads per rank");
}

int run_window(std::span<const std::string> args) {
  WindowBenchConfig config;
  OptionBinder binder(str_cat("voxlift bench ", kWindow), false);
  bind(binder, config);
  if (wants_help(args)) {
    print_command_help(
        {str_cat("voxlift bench ", kWindow, " [OPTIONS]"),
         "Time and memory of a sliding window over a large scan of random "
         "voxels. Under\nmpirun the ranks share its windows. One JSON object.",
         {"voxlift bench infer.window --shape 600,512,512 --classes 14",
          "mpirun -n 2 voxlift bench infer.window --network unet3d"}},
        binder);
    return 0;
  }
  const auto comm = open_communicator({});
  return run_ranks(*comm, str_cat("voxlift bench ", kWindow), [&] {
    trainer::run_alike(*comm, [&] {
      binder.parse(args);
      config.validate();
    });
    comm->set_deadlines(
        {.first_deadline_s = kPatience_s, .deadline_s = kPatience_s});
    return trainer::with_torch_errors([&] {
      trainer::set_compute_threads(config.threads);
      bench_window(config, *comm, std::cout);
      return 0;
    });
  });
}

int run(std::span<const std::string> args) {
  const std::string name = args.empty() ? "" : args[0];
  if (name == kName) {
    return run_step(args.subspan(1));
  }
  if (name == kWindow) {
    return run_window(args.subspan(1));
  }
  throw ConfigError(str_cat("no benchmark '", name, "' here: there are ", kName,
                            " and ", kWindow));
}

}  // namespace

Command step_bench_command() {
  return {"bench", "the benchmarks of voxlift that need LibTorch", run};
}

}  // namespace voxlift::launcher
