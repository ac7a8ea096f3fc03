#include "launcher/cli/checkpoint_bench_command.h"

#include <iostream>

#include "base/error.h"
#include "launcher/bench/checkpoint_bench.h"
#include "launcher/cli/command_help.h"
#include "launcher/cli/rank_frame.h"
#include "trainer/device.h"

namespace voxlift::launcher {
namespace {

constexpr const char* kName = "voxlift bench train.checkpoint";

CheckpointBenchConfig defaults() {
  CheckpointBenchConfig config;
  config.train.model.classes = 1000;
  config.train.batch = {.slots = 0, .slot_batch = 2};
  config.train.checkpoint.every_steps = 0;
  config.train.checkpoint.keep = 1;
  return config;
}

void bind(OptionBinder& binder, CheckpointBenchConfig& config) {
  auto& train = config.train;
  binder.add("out", train.run.out, "folder to write checkpoints to");
  binder.add("depth", train.model.resnet.depth, "of the ResNet3D");
  binder.add("shape", config.shape, "depth,height,width of a sample");
  binder.add("slots", train.batch.slots, "0: one per rank");
  binder.add("slot-batch", train.batch.slot_batch, "samples per slot");
  binder.add("threads", train.run.threads, "compute threads per rank");
  binder.add("device", train.run.device, "auto, cpu or cuda");
  binder.add("align-kb", train.checkpoint.align_kb,
             "ranks' parts begin at multiples of this");
  binder.add("warmup", config.warmup, "rounds that are not reported");
  binder.add("rounds", config.rounds, "rounds, with a checkpoint each");
  binder.add("steps", config.steps, "of a round");
  binder.require("out");
}

int run_bench(const CheckpointBenchConfig& config,
              trainer::Communicator& control) {
  RealFiles files;
  const RealClock clock;
  trainer::set_compute_threads(config.train.run.threads);
  trainer::TrainContext context = {
      .control = control,
      .data = control,
      .device = trainer::choose_device(config.train.run.device,
                                       local_rank_of(control)),
      .files = files,
      .clock = clock,
      .stop_requested = [] { return false; },
      .resolved_config = Json::object(),
      .configuration_file = {}};
  bench_checkpoint(config, context, std::cout);
  return 0;
}

int run(std::span<const std::string> args) {
  CheckpointBenchConfig config = defaults();
  OptionBinder binder(kName, false);
  bind(binder, config);
  if (wants_help(args)) {
    print_command_help(
        {std::string(kName) + " --out DIR [OPTIONS]",
         "Time that a training loses to a checkpoint of its weights and "
         "momentum, on random\nvoxels. Under mpirun every process is a rank. "
         "One JSON object a line.",
         {"voxlift bench train.checkpoint --out /scratch/bench"}},
        binder);
    return 0;
  }
  const auto comm = open_communicator({});
  return run_ranks(*comm, kName, [&] {
    trainer::run_alike(*comm, [&] {
      binder.parse(args);
      if (config.train.batch.slots == 0) {
        config.train.batch.slots = comm->size();
      }
      config.validate();
    });
    return trainer::with_torch_errors([&] { return run_bench(config, *comm); });
  });
}

}  // namespace

Command checkpoint_bench_command() {
  return {"bench-checkpoint", "bench train.checkpoint", run};
}

}  // namespace voxlift::launcher
