#include "launcher/bench/patch_bench.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <ostream>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "base/strings.h"
#include "base/worker.h"
#include "launcher/bench/figures.h"
#include "sharding/dataset.h"

namespace voxlift::launcher {
namespace {

// The scans that hold a cube of this side.
std::vector<int64_t> large_enough(const sharding::Dataset& dataset,
                                  int64_t side) {
  std::vector<int64_t> ids;
  for (int64_t id = 0; id < dataset.num_samples(); ++id) {
    const auto source = dataset.volume(id);
    const dataio::Shape3& shape = source->facts().shape;
    if (std::all_of(shape.begin(), shape.end(),
                    [&](int64_t length) { return length >= side; })) {
      ids.push_back(id);
    }
  }
  if (ids.empty()) {
    throw ConfigError(
        str_cat("no scan is large enough for patches of ", side, "^3"));
  }
  return ids;
}

void read_patch(const sharding::Dataset& dataset,
                const std::vector<int64_t>& ids, int64_t side,
                RandomStream& draws, std::vector<float>& patch) {
  const auto last = static_cast<int64_t>(ids.size()) - 1;
  const auto source =
      dataset.volume(ids[static_cast<size_t>(draws.uniform_int(0, last))]);
  dataio::VoxelBox box = {{}, {side, side, side}};
  for (size_t axis = 0; axis < 3; ++axis) {
    box.start[axis] = draws.uniform_int(0, source->facts().shape[axis] - side);
  }
  patch.resize(static_cast<size_t>(box.num_voxels()));
  source->read_image(box, patch);
}

// Seconds that `workers` threads take for all patches of a round.
double time_round(const sharding::Dataset& dataset,
                  const std::vector<int64_t>& ids, int64_t side,
                  int64_t workers, int64_t round,
                  const PatchBenchConfig& config) {
  std::atomic<int64_t> next = 0;
  const auto work = [&](const std::stop_token&) {
    std::vector<float> patch;
    for (int64_t i = next++; i < config.round_patches; i = next++) {
      RandomStream draws(config.seed, Purpose::kAugment,
                         static_cast<uint64_t>(round),
                         static_cast<uint64_t>(i));
      read_patch(dataset, ids, side, draws, patch);
    }
  };
  const RealClock clock;
  const double start_s = clock.now_s();
  std::vector<std::unique_ptr<Worker>> threads;
  for (int64_t w = 0; w < workers; ++w) {
    threads.push_back(std::make_unique<Worker>(str_cat("patch-", w), work));
  }
  for (const auto& thread : threads) {
    thread->join();
  }
  return clock.now_s() - start_s;
}

}  // namespace

void PatchBenchConfig::validate(const std::string& path) const {
  const auto at_least_one = [&](const char* field, int64_t value) {
    if (value < 1) {
      throw ConfigError(
          str_cat(path, ".", field, " is ", value, ", want at least 1"));
    }
  };
  at_least_one("rounds", rounds);
  at_least_one("round_patches", round_patches);
  for (const int64_t side : sizes) {
    at_least_one("sizes", side);
  }
  for (const int64_t count : workers) {
    at_least_one("workers", count);
  }
}

void bench_patches(const PatchBenchConfig& config, std::ostream& out) {
  config.validate("bench");
  const sharding::Dataset dataset(config.data, {});
  for (const int64_t side : config.sizes) {
    const std::vector<int64_t> ids = large_enough(dataset, side);
    for (const int64_t workers : config.workers) {
      std::vector<double> rates;
      for (int64_t round = 0; round <= config.rounds; ++round) {
        const double seconds =
            time_round(dataset, ids, side, workers, round, config);
        if (round > 0) {  // The first one warms the page cache.
          rates.push_back(static_cast<double>(config.round_patches) / seconds);
        }
      }
      Json line = figure("data.patch", rates, "patches/s");
      line["size"] = side;
      line["workers"] = workers;
      line["bytes_per_s"] = line["median"].get<double>() *
                            static_cast<double>(4 * side * side * side);
      out << line.dump() << "\n";
    }
  }
}

}  // namespace voxlift::launcher
