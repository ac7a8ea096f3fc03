#include "launcher/cli/bench_command.h"

#include <iostream>

#include "base/error.h"
#include "base/strings.h"
#include "launcher/bench/comm_bench.h"
#include "launcher/bench/patch_bench.h"
#include "launcher/bench/photo_bench.h"
#include "launcher/bench/stream_bench.h"
#include "launcher/cli/command_help.h"
#include "launcher/cli/rank_frame.h"
#include "launcher/cli/trainer_program.h"

namespace voxlift::launcher {
namespace {

using Args = std::span<const std::string>;

int run_photo(Args args) {
  PhotoBenchConfig config;
  OptionBinder binder("voxlift bench data.photo", false);
  binder.add("data", config.data, "packed photographs, all JPEG");
  binder.add("workers", config.workers, "decoding threads, e.g. 1,2");
  binder.add("seconds", config.seconds, "for all rounds; at least 3 rounds");
  binder.add("round-samples", config.round_samples, "samples of a round");
  binder.add("batch", config.batch, "samples of a batch");
  binder.add("image-size", config.image_size, "side of a training crop");
  binder.add("seed", config.seed, "of the crops");
  binder.add("exact", config.exact, "measure data.exact_decode, too");
  binder.require("data");
  if (wants_help(args)) {
    print_command_help(
        {"voxlift bench data.photo --data DIR [OPTIONS]",
         "Rate of the training path beside a bare libjpeg-turbo loop over the "
         "same crops\nand beside data.exact_decode, in alternating rounds. One "
         "JSON object a line.",
         {"voxlift bench data.photo --data packed --workers 1,2"}},
        binder);
    return 0;
  }
  binder.parse(args);
  bench_photo(config, std::cout);
  return 0;
}

int run_photo_quality(Args args) {
  PhotoQualityConfig config;
  OptionBinder binder("voxlift bench data.photo_quality", false);
  binder.add("data", config.data, "packed photographs");
  binder.add("draws", config.draws, "crops of each picture");
  binder.add("image-size", config.image_size, "side of a training crop");
  binder.add("seed", config.seed, "of the crops");
  binder.require("data");
  if (wants_help(args)) {
    print_command_help(
        {"voxlift bench data.photo_quality --data DIR [OPTIONS]",
         "PSNR of the training path against data.exact_decode, all samples "
         "and those\ndecoded at each scale (in eighths). One JSON object a "
         "line.",
         {"voxlift bench data.photo_quality --data packed --draws 10"}},
        binder);
    return 0;
  }
  binder.parse(args);
  bench_photo_quality(config, std::cout);
  return 0;
}

int run_patches(Args args) {
  PatchBenchConfig config;
  OptionBinder binder("voxlift bench data.patch", false);
  binder.add("data", config.data, "packed scans");
  binder.add("sizes", config.sizes, "sides of cubic patches");
  binder.add("workers", config.workers, "reading threads, e.g. 1,2");
  binder.add("rounds", config.rounds, "timed rounds");
  binder.add("round-patches", config.round_patches, "patches of a round");
  binder.add("seed", config.seed, "of the positions");
  binder.require("data");
  if (wants_help(args)) {
    print_command_help(
        {"voxlift bench data.patch --data DIR [OPTIONS]",
         "Random 3D patches out of packed scans, as float32, checksums "
         "compared. One JSON\nobject a line.",
         {"voxlift bench data.patch --data packed --sizes 48,96"}},
        binder);
    return 0;
  }
  binder.parse(args);
  bench_patches(config, std::cout);
  return 0;
}

// data.start and data.memory.
int run_stream(Args args, const std::string& name, const std::string& text,
               void (*bench)(const StreamBenchConfig&, std::ostream&)) {
  StreamBenchConfig config;
  OptionBinder binder("voxlift bench " + name, false);
  binder.add("data", config.data, "a packed data set");
  binder.add("workers", config.workers, "decoding threads");
  binder.add("batch", config.batch, "samples of a batch");
  binder.add("image-size", config.image_size, "side of photographs");
  binder.add("epochs", config.epochs, "of data.memory");
  binder.add("seed", config.seed, "of order and draws");
  binder.require("data");
  if (wants_help(args)) {
    print_command_help(
        {str_cat("voxlift bench ", name, " --data DIR [OPTIONS]"),
         text,
         {str_cat("voxlift bench ", name, " --data packed")}},
        binder);
    return 0;
  }
  binder.parse(args);
  bench(config, std::cout);
  return 0;
}

int run_start(Args args) {
  return run_stream(args, "data.start",
                    "Time and memory until the first batch is there.",
                    bench_start);
}

int run_memory(Args args) {
  return run_stream(args, "data.memory",
                    "Resident memory after each of many epochs.", bench_memory);
}

int run_all_reduce(Args args) {
  CommBenchConfig config;
  OptionBinder binder("voxlift bench comm.allreduce", false);
  binder.add("sizes", config.sizes, "bytes of the vector, float32");
  binder.add("rounds", config.rounds, "timed rounds, alternating between ways");
  binder.add(
      "ways", config.ways,
      "of exact, exact_copied, fast, exchanged, mpi, mpi_polled; empty: all");
  if (wants_help(args)) {
    print_command_help(
        {"mpirun -n RANKS voxlift bench comm.allreduce [OPTIONS]",
         "Sums of a vector over the ranks: the exact tree in shared memory, "
         "from ordinary\nmemory and from rank to rank, the fast way, and MPI's "
         "own. One JSON object a\nline.",
         {"mpirun -n 2 voxlift bench comm.allreduce --sizes 134217728"}},
        binder);
    return 0;
  }
  const auto comm = open_communicator({});
  return run_ranks(*comm, "voxlift bench comm.allreduce", [&] {
    trainer::run_alike(*comm, [&] { binder.parse(args); });
    bench_all_reduce(config, *comm, std::cout);
    return 0;
  });
}

// Of the program with LibTorch.
int run_checkpoint(Args args) {
  return make_trainer_command("bench-checkpoint", "").run(args);
}

// Of the program with LibTorch.
int run_there(const std::string& name, Args args) {
  std::vector<std::string> words = {name};
  words.insert(words.end(), args.begin(), args.end());
  return make_trainer_command("bench", "").run(words);
}

int run_train_step(Args args) {
  return run_there("train.step", args);
}

int run_window(Args args) {
  return run_there("infer.window", args);
}

struct Benchmark {
  std::string name;
  std::string summary;
  int (*run)(Args);
};

const std::vector<Benchmark>& benchmarks() {
  static const std::vector<Benchmark> kAll = {
      {"comm.allreduce", "sums over ranks, seconds", run_all_reduce},
      {"data.memory", "resident memory over many epochs", run_memory},
      {"data.patch", "random 3D patches, patches/s", run_patches},
      {"data.photo", "photographs to batches, img/s", run_photo},
      {"data.photo_quality", "fast against exact decoding, dB",
       run_photo_quality},
      {"data.start", "time and memory until the first batch", run_start},
      {"infer.window", "a sliding window over a large scan, s and bytes",
       run_window},
      {"train.checkpoint", "what a checkpoint costs the training, s",
       run_checkpoint},
      {"train.step", "the training step, samples/s", run_train_step},
  };
  return kAll;
}

void print_help() {
  std::cout
      << "usage: voxlift bench NAME [OPTIONS]\n\n"
         "Measures, and prints one JSON object a line. NAME is one of\n\n";
  for (const Benchmark& benchmark : benchmarks()) {
    std::cout << "  " << benchmark.name << "  " << benchmark.summary << "\n";
  }
  std::cout << "\nvoxlift bench NAME --help tells its options.\n";
}

int run(Args args) {
  const std::string name = args.empty() ? "" : args[0];
  for (const Benchmark& benchmark : benchmarks()) {
    if (benchmark.name == name) {
      return benchmark.run(args.subspan(1));
    }
  }
  if (wants_help(args)) {
    print_help();
    return 0;
  }
  std::vector<std::string> names;
  for (const Benchmark& benchmark : benchmarks()) {
    names.push_back(benchmark.name);
  }
  throw ConfigError(str_cat("no benchmark '", name, "', there are ",
                            str_join(names, ", "), "; the nearest is '",
                            nearest_word(name, names), "'"));
}

}  // namespace

Command make_bench_command() {
  return {"bench", "measure a part of the machine's work", run};
}

}  // namespace voxlift::launcher
