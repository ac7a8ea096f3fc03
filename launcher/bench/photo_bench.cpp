#include "launcher/bench/photo_bench.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <ostream>

#include "base/clock.h"
#include "base/error.h"
#include "base/process_memory.h"
#include "base/random.h"
#include "base/strings.h"
#include "base/worker.h"
#include "dataio/transform/photo_region.h"
#include "dataio/transform/random_resized_crop.h"
#include "launcher/bench/bare_jpeg.h"
#include "launcher/bench/figures.h"
#include "sharding/sample_loader.h"
#include "sharding/sample_stream.h"

namespace voxlift::launcher {

namespace {

constexpr int64_t kPrefetchBatches = 4;
// Batches before the timed ones: every batch in flight has got its memory.
constexpr int64_t kWarmBatches = kPrefetchBatches + 1;
constexpr size_t kMinRounds = 3;

dataio::PhotoTransformConfig transform_config(int64_t image_size, bool exact) {
  dataio::PhotoTransformConfig config;
  config.image_size = image_size;
  config.eval_resize_short = std::max(config.eval_resize_short, image_size);
  config.exact_decode = exact;
  return config;
}

// Of each round, of one kind.
struct Rates {
  std::vector<double> per_s;      // Images per second of wall time.
  std::vector<double> per_cpu_s;  // Per second of CPU time, all threads.

  void add(int64_t num_images, double wall_s, double cpu_s) {
    per_s.push_back(static_cast<double>(num_images) / wall_s);
    per_cpu_s.push_back(static_cast<double>(num_images) / cpu_s);
  }
};

struct Series {
  Rates path;
  Rates bare;
  Rates exact;
};

class PhotoBench {
 public:
  PhotoBench(const PhotoBenchConfig& config, std::ostream& out)
      : config_(config), out_(out), dataset_(config.data, {}) {
    for (int64_t id = 0; id < dataset_.num_samples(); ++id) {
      encoded_.push_back(dataset_.read(id));
    }
    fast_ = make_loader(false);
    exact_ = make_loader(true);
  }

  void run();

 private:
  std::unique_ptr<sharding::SampleLoader> make_loader(bool exact) const {
    return sharding::make_photo_loader(
        dataset_, dataio::make_photo_train_transform(
                      transform_config(config_.image_size, exact)));
  }

  // Sample `position` of a round.
  int64_t id_of(int64_t position) const {
    return position % dataset_.num_samples();
  }

  int64_t num_batches() const { return config_.round_samples / config_.batch; }

  sharding::SampleStream::NextRequest requests(int64_t round) const;
  void run_stream(const sharding::SampleLoader& loader, int64_t workers,
                  int64_t round, Rates& rates) const;
  std::vector<BareJob> bare_jobs(int64_t round) const;
  void run_bare(int64_t workers, int64_t round, Rates& rates) const;
  void run_round(int64_t workers, int64_t round, Series& series) const;
  void print(const std::vector<Series>& all) const;
  void print_rates(int64_t workers, const Series& series) const;
  double mean_bytes() const;

  const PhotoBenchConfig& config_;
  std::ostream& out_;
  sharding::Dataset dataset_;
  std::vector<std::vector<std::byte>> encoded_;
  std::unique_ptr<sharding::SampleLoader> fast_;
  std::unique_ptr<sharding::SampleLoader> exact_;
  RealClock clock_;
};

// The warm-up's batches, then those of the round; the round is the epoch, so
// that each has draws of its own.
sharding::SampleStream::NextRequest PhotoBench::requests(int64_t round) const {
  return [this, round,
          begun =
              int64_t{0}]() mutable -> std::optional<sharding::BatchRequest> {
    if (begun == kWarmBatches + num_batches()) {
      return std::nullopt;
    }
    const int64_t index = begun++ - kWarmBatches;
    sharding::BatchRequest request{round, index, 0, {}};
    for (int64_t i = 0; i < config_.batch; ++i) {
      const int64_t position = std::max<int64_t>(index, 0) * config_.batch + i;
      request.ids.push_back(id_of(position));
    }
    return request;
  };
}

// From the end of the warm-up to the last batch.
void PhotoBench::run_stream(const sharding::SampleLoader& loader,
                            int64_t workers, int64_t round,
                            Rates& rates) const {
  sharding::SampleStream stream(loader,
                                {.num_workers = workers,
                                 .prefetch_batches = kPrefetchBatches,
                                 .seed = config_.seed},
                                requests(round), clock_);
  for (int64_t i = 0; i < kWarmBatches; ++i) {
    stream.recycle(stream.next().value());
  }
  const double start_s = clock_.now_s();
  const double start_cpu_s = process_cpu_s();
  int64_t num_samples = 0;
  while (auto batch = stream.next()) {
    num_samples += static_cast<int64_t>(batch->labels.size());
    stream.recycle(*std::move(batch));
  }
  rates.add(num_samples, clock_.now_s() - start_s,
            process_cpu_s() - start_cpu_s);
}

std::vector<BareJob> PhotoBench::bare_jobs(int64_t round) const {
  const std::string origin = config_.data;
  const auto transform = transform_config(config_.image_size, false);
  const int64_t size = config_.image_size;
  std::vector<BareJob> jobs;
  for (int64_t i = 0; i < num_batches() * config_.batch; ++i) {
    const int64_t id = id_of(i);
    const auto& bytes = encoded_[static_cast<size_t>(id)];
    if (dataio::detect_format(bytes) != dataio::Format::kJpeg) {
      throw DataError(
          str_cat(dataset_.describe(id), ": the benchmark measures JPEG only"));
    }
    dataio::JpegRegionReader reader(bytes, origin);
    RandomStream draws(config_.seed, Purpose::kAugment,
                       static_cast<uint64_t>(round), static_cast<uint64_t>(id));
    const dataio::CropBox crop =
        dataio::draw_crop(reader.height(), reader.width(), transform, draws);
    jobs.push_back({bytes, dataio::plan_photo_region(
                               {crop, size, size, {0, 0, size, size}})
                               .region});
  }
  return jobs;
}

void PhotoBench::run_bare(int64_t workers, int64_t round, Rates& rates) const {
  const std::vector<BareJob> jobs = bare_jobs(round);
  std::atomic<size_t> next = 0;
  const double start_s = clock_.now_s();
  const double start_cpu_s = process_cpu_s();
  std::vector<std::unique_ptr<Worker>> threads;
  for (int64_t i = 0; i < workers; ++i) {
    threads.push_back(std::make_unique<Worker>(
        str_cat("bare-", i), [&](const std::stop_token&) {
          std::vector<uint8_t> row;
          for (size_t job = next++; job < jobs.size(); job = next++) {
            bare_decode(jobs[job], row);
          }
        }));
  }
  for (const auto& thread : threads) {
    thread->join();
  }
  rates.add(static_cast<int64_t>(jobs.size()), clock_.now_s() - start_s,
            process_cpu_s() - start_cpu_s);
}

// Back and forth, so that a slow drift of the machine favours none.
void PhotoBench::run_round(int64_t workers, int64_t round,
                           Series& series) const {
  if (round % 2 == 0) {
    run_bare(workers, round, series.bare);
    run_stream(*fast_, workers, round, series.path);
  } else {
    run_stream(*fast_, workers, round, series.path);
    run_bare(workers, round, series.bare);
  }
  if (config_.exact) {
    run_stream(*exact_, workers, round, series.exact);
  }
}

double PhotoBench::mean_bytes() const {
  double sum = 0.0;
  for (const auto& bytes : encoded_) {
    sum += static_cast<double>(bytes.size());
  }
  return sum / static_cast<double>(encoded_.size());
}

void PhotoBench::print_rates(int64_t workers, const Series& series) const {
  const Json where = {{"data", config_.data},
                      {"samples", dataset_.num_samples()},
                      {"mean_bytes", mean_bytes()},
                      {"round_samples", num_batches() * config_.batch},
                      {"batch", config_.batch},
                      {"image_size", config_.image_size},
                      {"seed", config_.seed},
                      {"workers", workers}};
  const auto print = [&](Json line) {
    line["config"] = where;
    out_ << line.dump() << "\n";
  };
  const auto print_rate = [&](const char* name, const Rates& rates) {
    Json line = figure(str_cat("data.photo.", name), rates.per_s, "img/s");
    const double median = quantile(rates.per_s, 0.5);
    line["per_core"] = median / static_cast<double>(workers);
    line["per_cpu_s"] = quantile(rates.per_cpu_s, 0.5);
    line["bytes_per_s"] = median * mean_bytes();
    print(line);
  };
  const auto print_ratio = [&](const char* below, const Rates& rates) {
    const std::string name = str_cat("data.photo.path_over_", below);
    print(figure(name, ratios(series.path.per_s, rates.per_s), "ratio"));
    print(figure(name + ".cpu", ratios(series.path.per_cpu_s, rates.per_cpu_s),
                 "ratio"));
  };
  print_rate("path", series.path);
  print_rate("bare", series.bare);
  print_ratio("bare", series.bare);
  if (config_.exact) {
    print_rate("exact", series.exact);
    print_ratio("exact", series.exact);
  }
}

void PhotoBench::print(const std::vector<Series>& all) const {
  for (size_t i = 0; i < all.size(); ++i) {
    print_rates(config_.workers[i], all[i]);
  }
  if (all.size() > 1) {
    Json line =
        figure("data.photo.scaling",
               ratios(all.back().path.per_s, all.front().path.per_s), "ratio");
    line["config"] = {
        {"workers", {config_.workers.back(), config_.workers.front()}}};
    out_ << line.dump() << "\n";
  }
  const ProcessMemory memory = process_memory();
  out_ << Json{{"name", "data.photo.memory"},
               {"resident_bytes", memory.resident_bytes},
               {"peak_bytes", memory.peak_bytes},
               {"unit", "bytes"}}
              .dump()
       << "\n";
}

void PhotoBench::run() {
  std::vector<Series> all(config_.workers.size());
  const double start_s = clock_.now_s();
  int64_t round = 0;
  while (all.front().path.per_s.size() < kMinRounds ||
         clock_.now_s() - start_s < config_.seconds) {
    for (size_t i = 0; i < all.size(); ++i) {
      run_round(config_.workers[i], round, all[i]);
    }
    ++round;
  }
  print(all);
}

void require_positive(const std::string& name, int64_t value) {
  if (value < 1) {
    throw ConfigError(str_cat(name, " is ", value, ", at least 1 is needed"));
  }
}

}  // namespace

void PhotoBenchConfig::validate(const std::string& path) const {
  require_positive(path + ".image_size", image_size);
  require_positive(path + ".batch", batch);
  if (round_samples < batch) {
    throw ConfigError(str_cat(path, ".round_samples is ", round_samples,
                              ", at least one batch of ", batch, " is needed"));
  }
  if (workers.empty()) {
    throw ConfigError(path + ".workers is empty, want numbers of threads");
  }
  for (const int64_t count : workers) {
    require_positive(path + ".workers", count);
  }
}

void bench_photo(const PhotoBenchConfig& config, std::ostream& out) {
  config.validate("bench");
  PhotoBench(config, out).run();
}

}  // namespace voxlift::launcher
