#include "launcher/cli/train_command.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <limits>

#include "base/error.h"
#include "base/log.h"
#include "base/strings.h"
#include "launcher/cli/rank_frame.h"
#include "launcher/cli/train_options.h"
#include "launcher/cli/user_cache.h"
#include "launcher/signals.h"
#include "trainer/comm/nccl_comm.h"
#include "trainer/device.h"
#include "trainer/fault_files.h"
#include "trainer/run_state.h"
#include "trainer/train_loop.h"
#include "trainer/watch/watched_comm.h"

namespace voxlift::launcher {
namespace {

constexpr const char* kExamples = R"(
Trains a network, resuming from the newest good checkpoint in run.out.

  voxlift train --config configs/pretrain_imagenet_resnet3d18.cfg \
      --data.train /shards/imagenet/train --run.out runs/r18
  voxlift-launch -n 8 -- train --config my.cfg --batch.slots 8

Options (configuration files have them as [section] and key = value):
)";

void exclude_what_does_not_matter(OptionBinder& binder) {
  for (const std::string& name : trainer::options_without_effect()) {
    binder.exclude_from_digest(name);
  }
}

Json resolved_json(const OptionBinder& binder) {
  Json json = Json::object();
  for (const auto& [name, value] : binder.resolved()) {
    json[name] = value;
  }
  return json;
}

// The configuration as a file that --config reads.
std::string configuration_file(const OptionBinder& binder) {
  return str_cat("# voxlift ", version(), ", digest ", binder.digest(), "\n",
                 binder.resolved_text());
}

// All ranks must compute on the same kind of device: sums over ranks travel by
// another way on each.
void check_same_device(trainer::Communicator& control,
                       const torch::Device& device) {
  int64_t mine = device.is_cuda() ? 1 : 0;
  std::vector<int64_t> all(static_cast<size_t>(control.size()));
  control.all_gather(trainer::buffer_of(std::span(&mine, 1)),
                     trainer::buffer_of(all));
  for (size_t r = 0; r < all.size(); ++r) {
    if (all[r] != all[0]) {
      throw ConfigError(
          str_cat("rank 0 computes on ", all[0] == 1 ? "a GPU" : "the CPU",
                  ", rank ", r, " on ", all[r] == 1 ? "a GPU" : "the CPU",
                  ": set run.device, or leave out the host without a GPU"));
    }
  }
}

// Gradients travel over NCCL between GPUs, else as everything else does.
std::unique_ptr<trainer::Communicator> gradient_comm(
    trainer::Communicator& control, const torch::Device& device,
    const trainer::CommConfig& config) {
  if (control.size() == 1 || !device.is_cuda()) {
    return nullptr;
  }
  return trainer::make_nccl_comm(
      control, {.device = static_cast<int>(device.index())}, config);
}

// Of the wall clock, until `end_time` (seconds since 1970; 0: never).
double seconds_until(int64_t end_time) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return end_time == 0 ? std::numeric_limits<double>::infinity()
                       : static_cast<double>(end_time) -
                             std::chrono::duration<double>(now).count();
}

// "--fault X" is short for "--run.fault X".
std::vector<std::string> with_full_names(std::span<const std::string> args) {
  std::vector<std::string> full(args.begin(), args.end());
  for (std::string& arg : full) {
    if (arg == "--fault" || arg.starts_with("--fault=")) {
      arg.insert(2, "run.");
    }
  }
  return full;
}

// Ranks are lost: MPI would wait for them even in its own ending. The launcher,
// mpirun or srun ends what is left.
trainer::EndRun end_at_once(int rank) {
  return [rank](int code, const std::string& line) {
    if (!line.empty()) {
      const std::string text =
          str_cat("voxlift train [rank ", rank, "]: CommError: ", line, "\n");
      // Nothing is left to do if standard error is gone, too.
      [[maybe_unused]] const ssize_t written =
          ::write(STDERR_FILENO, text.data(), text.size());
    }
    ::_exit(code);
  };
}

// What the training loop speaks through: the communicators as they are, or
// with the watch in front of them.
struct RankComms {
  std::unique_ptr<trainer::Communicator> nccl;
  std::unique_ptr<trainer::Communicator> watched_control;
  std::unique_ptr<trainer::Communicator> watched_nccl;
};

std::unique_ptr<trainer::Communicator> watched(trainer::Communicator* comm,
                                               trainer::Watch* watch) {
  return comm == nullptr || watch == nullptr
             ? nullptr
             : std::make_unique<trainer::WatchedComm>(*comm, watch->board(),
                                                      watch->hold_s());
}

RankComms make_comms(trainer::Communicator& control, trainer::Watch* watch,
                     const torch::Device& device,
                     const trainer::TrainConfig& config) {
  const trainer::CommConfig deadlines =
      watch == nullptr ? config.comm
                       : trainer::backstop_deadlines(config.watch, config.comm);
  control.set_deadlines(deadlines);
  RankComms comms;
  comms.nccl = gradient_comm(control, device, deadlines);
  comms.watched_control = watched(&control, watch);
  comms.watched_nccl = watched(comms.nccl.get(), watch);
  return comms;
}

int train_as_rank(const OptionBinder& binder, const StopSignals& signals,
                  const trainer::TrainConfig& config,
                  trainer::Communicator& bare_control) {
  const int rank = bare_control.rank();
  trainer::FaultFiles files(
      trainer::parse_faults(config.run.fault, "run.fault"), rank);
  const RealClock clock;
  trainer::set_compute_threads(config.run.threads);
  const torch::Device device =
      trainer::choose_device(config.run.device, local_rank_of(bare_control));
  trainer::run_alike(bare_control,
                     [&] { check_same_device(bare_control, device); });
  const auto watch = trainer::Watch::start(
      config.watch, config.comm, bare_control, clock, end_at_once(rank));
  const RankComms comms = make_comms(bare_control, watch.get(), device, config);
  trainer::Communicator& control =
      comms.watched_control ? *comms.watched_control : bare_control;
  trainer::Communicator* nccl =
      comms.watched_nccl ? comms.watched_nccl.get() : comms.nccl.get();
  trainer::AllocationEnd end(seconds_until(config.run.end_time) + clock.now_s(),
                             config.run.end_margin_s);
  trainer::TrainContext context = {
      .control = control,
      .data = nccl != nullptr ? *nccl : control,
      .device = device,
      .files = files,
      .clock = clock,
      .stop_requested =
          [&] { return signals.requested() || end.is_near(clock.now_s()); },
      .allocation_end = &end,
      .conv_memory = user_cache_folder(config.run.conv_memory),
      .resolved_config = resolved_json(binder),
      .configuration_file = configuration_file(binder),
      .board = watch ? &watch->board() : nullptr,
      .watch = watch.get()};
  if (rank == 0) {
    log_info(str_cat("configuration digest ", binder.digest(), ", device ",
                     device.str()));
  }
  const trainer::TrainOutcome outcome = trainer::train(config, context);
  if (nccl != nullptr) {
    nccl->finish();
  }
  if (watch) {
    watch->finish();
  }
  return static_cast<int>(outcome.finished ? ExitCode::kOk
                                           : ExitCode::kInterrupted);
}

int run_train(std::span<const std::string> given_args) {
  const std::vector<std::string> args = with_full_names(given_args);
  trainer::TrainConfig config;
  OptionBinder binder("voxlift train");
  bind_train_options(binder, config);
  exclude_what_does_not_matter(binder);
  if (wants_help(args)) {
    std::cout << kExamples;
    binder.print_help(std::cout);
    return 0;
  }
  StopSignals signals;
  const auto comm = open_communicator({});
  if (comm->size() > 1) {
    set_log_rank(comm->rank());
  }
  const int code = run_ranks(*comm, "voxlift train", [&] {
    trainer::run_alike(*comm, [&] {
      binder.parse(args);
      config.validate();
    });
    comm->set_deadlines(config.comm);
    return trainer::with_torch_errors(
        [&] { return train_as_rank(binder, signals, config, *comm); });
  });
  // From here to the end of the process a late signal must not turn a stop in
  // order into a death.
  signals.ignore_from_now();
  return code;
}

}  // namespace

Command train_command() {
  return {"train", "train a network on packed samples, or resume", run_train};
}

}  // namespace voxlift::launcher
