#include "launcher/bench/window_bench.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fnv.h"
#include "base/json.h"
#include "base/process_memory.h"
#include "base/strings.h"
#include "launcher/bench/figures.h"
#include "trainer/model/make_network.h"

namespace voxlift::launcher {
namespace {

constexpr uint64_t kSeed = 1;

// Score k of a voxel x: -(x - k)^2, so that the nearest class wins.
torch::Tensor pointwise(const torch::Tensor& x_NCDHW, int64_t classes) {
  const torch::Tensor center =
      torch::arange(classes, torch::kFloat32).view({1, -1, 1, 1, 1});
  return (x_NCDHW - center).square_().neg_();
}

trainer::WindowNetwork make_window_network(const WindowBenchConfig& config) {
  if (config.network == "pointwise") {
    return [classes = config.classes](const torch::Tensor& x_NCDHW) {
      return pointwise(x_NCDHW, classes);
    };
  }
  trainer::ModelConfig model;
  model.network = config.network;
  model.classes = config.classes;
  const trainer::Network network = trainer::make_network(model, kSeed);
  network.module->eval();
  return network.forward;
}

torch::Tensor made_up_scan(const WindowBenchConfig& config) {
  torch::manual_seed(kSeed);
  const auto& shape = config.shape;
  return torch::empty({shape[0], shape[1], shape[2]})
      .uniform_(0.0, static_cast<double>(config.classes));
}

// Bytes that one window takes beyond what there was.
int64_t window_bytes(const WindowBenchConfig& config,
                     const trainer::WindowNetwork& network) {
  const torch::NoGradGuard no_grad;
  const int64_t before = process_memory().resident_bytes;
  const auto& window = config.segment.window.window;
  network(torch::zeros(
      {config.segment.window.batch, 1, window[0], window[1], window[2]}));
  return process_memory().peak_bytes - before;
}

}  // namespace

void WindowBenchConfig::validate() const {
  segment.validate("");
  if (classes < 2 || classes > 256) {
    throw ConfigError(str_cat("classes = ", classes, ": must be 2 to 256"));
  }
  if (threads < 1) {
    throw ConfigError(str_cat("threads = ", threads, ": must be at least 1"));
  }
  (void)trainer::WindowPlan(shape, segment.window);
}

void bench_window(const WindowBenchConfig& config, trainer::Communicator& comm,
                  std::ostream& out) {
  const trainer::WindowNetwork network = make_window_network(config);
  const int64_t before = process_memory().resident_bytes;
  const int64_t one_window = window_bytes(config, network);
  const torch::Tensor image_DHW = made_up_scan(config);
  const trainer::ScanGrid grid = {config.shape, dataio::kIdentityAffine};
  comm.barrier();
  const RealClock clock;
  const double begin_s = clock.now_s();
  const auto labels = trainer::segment_scan(
      {trainer::read_tensor(image_DHW, 0.0F), grid, grid, "made-up scan"},
      network, config.segment, comm);
  const double seconds = clock.now_s() - begin_s;
  const int64_t peak =
      trainer::all_reduce_max(comm, process_memory().peak_bytes - before);
  const auto digest = fnv1a64(as_text(std::as_bytes(std::span(labels))));
  const trainer::WindowPlan plan(config.shape, config.segment.window);
  if (comm.rank() == 0) {
    out << Json{{"name", "infer.window"},
                {"seconds", seconds},
                {"ranks", comm.size()},
                {"windows", plan.num_windows()},
                {"classes", config.classes},
                {"network", config.network},
                {"shape", config.shape},
                {"peak_bytes", peak},
                {"of_which_scan_bytes", image_DHW.nbytes()},
                {"of_which_one_window_bytes", one_window},
                {"labels", hex(digest, 16)}}
               .dump()
        << std::endl;
  }
}

}  // namespace voxlift::launcher
