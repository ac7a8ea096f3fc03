#pragma once
// Samples in a fixed order, decoded ahead of time by workers.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "sharding/sample_loader.h"

namespace voxlift::sharding {

struct SampleStreamConfig {
  int64_t num_workers = 1;       // Decoding threads of this rank.
  int64_t prefetch_batches = 4;  // Batches in flight, the memory bound.
  uint64_t seed = 0;

  void validate(const std::string& path) const;  // Throws ConfigError.
};

// What to load next: the samples of one slot of one step.
struct BatchRequest {
  int64_t epoch = 0;
  int64_t step = 0;
  int64_t slot = 0;
  std::vector<int64_t> ids;  // May be empty: an empty batch comes back.
};

struct SampleBatch {
  BatchRequest request;
  dataio::SampleShape shape;    // Of one sample.
  std::vector<float> data;      // (ids.size(), C, D, H, W).
  std::vector<uint8_t> masks;   // (ids.size(), D, H, W); empty: no masks.
  std::vector<int64_t> labels;  // ids.size(), as the two below.
  std::vector<std::vector<dataio::LabelledBox>> boxes;
  std::vector<dataio::Shape3> contents;  // dataio::Sample::content.
};

// Turns requests into batches, in the order of the requests whatever the number
// of workers. The draws of a sample are RandomStream(seed, kAugment, epoch,
// id).
//
// Threads: one consumer. `loader` must outlive it.
class SampleStream {
 public:
  // Gives the requests one by one, nothing at the end. Called under a lock of
  // the stream, from its workers.
  using NextRequest = std::function<std::optional<BatchRequest>()>;

  SampleStream(const SampleLoader& loader, const SampleStreamConfig& config,
               NextRequest next_request, const Clock& clock);
  // Stops the workers and drops what they have decoded.
  ~SampleStream();
  SampleStream(const SampleStream&) = delete;
  SampleStream& operator=(const SampleStream&) = delete;

  // Waits for the next batch; nothing at the end. Rethrows a worker's error
  // (DataError of a damaged sample) when its batch's turn has come.
  [[nodiscard]] std::optional<SampleBatch> next();

  // Gives a batch's memory back for reuse. Optional.
  void recycle(SampleBatch batch);

  // Seconds that next() has waited so far.
  double waited_s() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace voxlift::sharding
