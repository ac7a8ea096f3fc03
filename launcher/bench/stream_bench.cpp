#include "launcher/bench/stream_bench.h"

#include <algorithm>
#include <memory>
#include <ostream>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/process_memory.h"
#include "base/strings.h"
#include "launcher/bench/figures.h"
#include "sharding/assignment.h"
#include "sharding/dataset.h"
#include "sharding/sample_loader.h"
#include "sharding/sample_stream.h"

namespace voxlift::launcher {
namespace {

std::unique_ptr<sharding::SampleLoader> make_loader(
    const sharding::Dataset& dataset, const StreamBenchConfig& config) {
  if (dataset.modality() == dataio::Modality::kVolume) {
    return sharding::make_volume_loader(
        dataset, dataio::make_volume_train_transform({}));
  }
  dataio::PhotoTransformConfig photo;
  photo.image_size = config.image_size;
  photo.eval_resize_short = std::max(photo.eval_resize_short, photo.image_size);
  return sharding::make_photo_loader(dataset,
                                     dataio::make_photo_train_transform(photo));
}

sharding::EpochAssignment assign(const sharding::Dataset& dataset,
                                 const StreamBenchConfig& config,
                                 int64_t epoch) {
  return sharding::EpochAssignment({.num_samples = dataset.num_samples(),
                                    .slots = 1,
                                    .slot_batch = config.batch,
                                    .seed = config.seed},
                                   epoch);
}

// All batches of some epochs, in order. One assignment at a time, as in
// training.
sharding::SampleStream::NextRequest requests_of(
    const sharding::Dataset& dataset, const StreamBenchConfig& config,
    int64_t num_epochs) {
  return [&dataset, &config, num_epochs, epoch = int64_t{0}, step = int64_t{0},
          assignment = std::make_shared<sharding::EpochAssignment>(
              assign(dataset, config,
                     0))]() mutable -> std::optional<sharding::BatchRequest> {
    if (step == assignment->num_steps()) {
      if (++epoch == num_epochs) {
        return std::nullopt;
      }
      step = 0;
      *assignment = assign(dataset, config, epoch);
    }
    sharding::BatchRequest request{epoch, step, 0,
                                   assignment->slot_samples(step, 0)};
    ++step;
    return request;
  };
}

}  // namespace

void StreamBenchConfig::validate(const std::string& path) const {
  for (const int64_t value : {workers, batch, image_size, epochs}) {
    if (value < 1) {
      throw ConfigError(
          str_cat(path, ": ", value, " is given, want at least 1"));
    }
  }
}

void bench_start(const StreamBenchConfig& config, std::ostream& out) {
  config.validate("bench");
  const RealClock clock;
  const int64_t before = process_memory().resident_bytes;
  const double start_s = clock.now_s();
  const sharding::Dataset dataset(config.data, {});
  const double opened_s = clock.now_s();
  const int64_t opened = process_memory().resident_bytes;
  const sharding::EpochAssignment assignment = assign(dataset, config, 0);
  const double assigned_s = clock.now_s();
  const int64_t assigned = process_memory().resident_bytes;
  const auto loader = make_loader(dataset, config);
  sharding::SampleStream stream(
      *loader, {.num_workers = config.workers, .seed = config.seed},
      requests_of(dataset, config, 1), clock);
  VOXLIFT_CHECK(stream.next().has_value(), "a batch");
  const double first_s = clock.now_s();
  const auto num_samples = static_cast<double>(dataset.num_samples());
  out << Json{{"name", "data.start"},
              {"samples", dataset.num_samples()},
              {"open_s", opened_s - start_s},
              {"assign_s", assigned_s - opened_s},
              {"first_batch_s", first_s - start_s},
              {"index_bytes", opened - before},
              {"index_bytes_per_sample",
               static_cast<double>(opened - before) / num_samples},
              {"assignment_bytes", assigned - opened},
              {"peak_bytes", process_memory().peak_bytes}}
             .dump()
      << "\n";
}

void bench_memory(const StreamBenchConfig& config, std::ostream& out) {
  config.validate("bench");
  const RealClock clock;
  const sharding::Dataset dataset(config.data, {});
  const auto loader = make_loader(dataset, config);
  sharding::SampleStream stream(
      *loader, {.num_workers = config.workers, .seed = config.seed},
      requests_of(dataset, config, config.epochs), clock);
  std::vector<int64_t> resident;
  const auto end_epoch = [&] {
    resident.push_back(process_memory().resident_bytes);
    out << Json{{"name", "data.memory"},
                {"epoch", resident.size() - 1},
                {"resident_bytes", resident.back()}}
               .dump()
        << "\n";
  };
  while (auto batch = stream.next()) {
    if (batch->request.epoch > static_cast<int64_t>(resident.size())) {
      end_epoch();
    }
    stream.recycle(*std::move(batch));
  }
  end_epoch();
  const auto settled =
      resident.begin() + std::min<int64_t>(1, config.epochs - 1);
  out << Json{{"name", "data.memory"},
              {"epochs", config.epochs},
              {"samples", dataset.num_samples()},
              {"growth",
               static_cast<double>(*std::max_element(settled, resident.end())) /
                   static_cast<double>(*settled)}}
             .dump()
      << "\n";
}

}  // namespace voxlift::launcher
