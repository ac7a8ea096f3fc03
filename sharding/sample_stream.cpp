#include "sharding/sample_stream.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "base/strings.h"
#include "base/worker.h"

namespace voxlift::sharding {
namespace {

// A batch between its request and next(). Workers take its samples one by one,
// in order, so that several of them finish one batch together.
struct Pending {
  SampleBatch batch;
  size_t num_claimed = 0;
  size_t num_done = 0;  // Of those claimed.
  // Of the first sample that failed: the same one for any number of workers,
  // because all samples before it were claimed before it.
  std::exception_ptr error;
  size_t error_position = 0;

  bool claimable() const {
    return error == nullptr && num_claimed < batch.request.ids.size();
  }

  bool complete() const { return num_done == num_claimed && !claimable(); }

  void fail(size_t position, std::exception_ptr why) {
    if (error == nullptr || position < error_position) {
      error = std::move(why);
      error_position = position;
    }
  }
};

}  // namespace

void SampleStreamConfig::validate(const std::string& path) const {
  if (num_workers < 1 || num_workers > 1024) {
    throw ConfigError(str_cat(path, ".num_workers is ", num_workers,
                              ", 1 to 1024 are possible"));
  }
  if (prefetch_batches < 1) {
    throw ConfigError(str_cat(path, ".prefetch_batches is ", prefetch_batches,
                              ", at least 1 is needed"));
  }
}

struct SampleStream::Impl {
  Impl(const SampleLoader& loader_in, const SampleStreamConfig& config_in,
       NextRequest next_request_in, const Clock& clock_in)
      : loader(loader_in),
        shape(loader_in.shape()),
        config(config_in),
        next_request(std::move(next_request_in)),
        clock(clock_in) {}

  // Stops the workers and waits for them; they wait for nothing but this.
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // All run on a worker. `lock` holds `mutex`.
  void work();
  bool has_work() const;
  Pending* find_claimable();
  const Pending* begin_batch();
  void prepare(SampleBatch& batch);
  void run_one(Pending& pending, dataio::Workspace& workspace,
               std::unique_lock<std::mutex>& lock);
  void load(SampleBatch& batch, size_t position,
            dataio::Workspace& workspace) const;
  void read_ahead(const std::vector<int64_t>& ids) const;

  const SampleLoader& loader;
  const dataio::SampleShape shape;
  const SampleStreamConfig config;
  const NextRequest next_request;
  const Clock& clock;
  double waited_s = 0.0;  // The consumer's.

  std::mutex mutex;
  std::condition_variable can_work;
  std::condition_variable can_take;
  // Below: under the mutex.
  std::deque<Pending> pending;  // In the order of the requests; never moved.
  std::vector<SampleBatch> spare;
  bool exhausted = false;  // No more requests.
  bool stopping = false;

  std::vector<std::unique_ptr<Worker>> workers;
};

SampleStream::Impl::~Impl() {
  {
    const std::scoped_lock lock(mutex);
    stopping = true;
    can_work.notify_all();
  }
  workers.clear();
}

bool SampleStream::Impl::has_work() const {
  if (!exhausted &&
      static_cast<int64_t>(pending.size()) < config.prefetch_batches) {
    return true;
  }
  for (const Pending& batch : pending) {
    if (batch.claimable()) {
      return true;
    }
  }
  return false;
}

void SampleStream::Impl::work() {
  dataio::Workspace workspace;
  std::unique_lock lock(mutex);
  while (true) {
    can_work.wait(lock, [&] { return stopping || has_work(); });
    if (stopping) {
      return;
    }
    if (Pending* claimable = find_claimable()) {
      run_one(*claimable, workspace, lock);
    } else if (const Pending* begun = begin_batch()) {
      const std::vector<int64_t> ids = begun->batch.request.ids;
      lock.unlock();  // From here on `begun` may be taken and gone.
      read_ahead(ids);
      lock.lock();
    }
  }
}

// A sample that is wrong says so when its turn comes.
void SampleStream::Impl::read_ahead(const std::vector<int64_t>& ids) const {
  for (const int64_t id : ids) {
    if (id >= 0 && id < loader.num_samples()) {
      loader.will_need(id);
    }
  }
}

Pending* SampleStream::Impl::find_claimable() {
  for (Pending& batch : pending) {
    if (batch.claimable()) {
      return &batch;
    }
  }
  return nullptr;
}

// Takes the next request; nothing at the end. An error of the request takes
// its turn like that of a sample.
const Pending* SampleStream::Impl::begin_batch() {
  Pending begun;
  try {
    auto request = next_request();
    if (!request.has_value()) {
      exhausted = true;
      can_take.notify_all();
      return nullptr;
    }
    begun.batch.request = *std::move(request);
    prepare(begun.batch);
  } catch (...) {
    exhausted = true;
    begun.batch.request.ids.clear();
    begun.fail(0, std::current_exception());
  }
  Pending& added = pending.emplace_back(std::move(begun));
  can_work.notify_all();
  if (added.complete()) {
    can_take.notify_all();
  }
  return &added;
}

void SampleStream::Impl::prepare(SampleBatch& batch) {
  if (!spare.empty()) {
    const BatchRequest request = std::move(batch.request);
    batch = std::move(spare.back());
    batch.request = request;
    spare.pop_back();
  }
  const size_t num_samples = batch.request.ids.size();
  batch.shape = shape;
  batch.data.resize(num_samples * static_cast<size_t>(shape.num_elements()));
  batch.masks.resize(loader.has_mask()
                         ? num_samples * static_cast<size_t>(shape.num_voxels())
                         : 0);
  batch.labels.resize(num_samples);
  batch.boxes.resize(num_samples);
  batch.contents.resize(num_samples);
}

// Claims one sample of `pending` and loads it outside of the lock.
void SampleStream::Impl::run_one(Pending& pending_batch,
                                 dataio::Workspace& workspace,
                                 std::unique_lock<std::mutex>& lock) {
  const size_t position = pending_batch.num_claimed++;
  lock.unlock();
  std::exception_ptr error;
  try {
    load(pending_batch.batch, position, workspace);
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  ++pending_batch.num_done;
  if (error != nullptr) {
    pending_batch.fail(position, error);
  }
  if (pending_batch.complete()) {
    can_take.notify_all();
  }
}

void SampleStream::Impl::load(SampleBatch& batch, size_t position,
                              dataio::Workspace& workspace) const {
  const int64_t id = batch.request.ids[position];
  const auto num_elements = static_cast<size_t>(shape.num_elements());
  const auto num_voxels = static_cast<size_t>(shape.num_voxels());
  RandomStream draws(config.seed, Purpose::kAugment,
                     static_cast<uint64_t>(batch.request.epoch),
                     static_cast<uint64_t>(id));
  dataio::Sample sample;
  sample.image =
      std::span(batch.data).subspan(position * num_elements, num_elements);
  if (!batch.masks.empty()) {
    sample.mask =
        std::span(batch.masks).subspan(position * num_voxels, num_voxels);
  }
  loader.load(id, draws, workspace, sample);
  batch.labels[position] = loader.label(id);
  batch.boxes[position] = std::move(sample.boxes);
  batch.contents[position] = sample.content;
}

SampleStream::SampleStream(const SampleLoader& loader,
                           const SampleStreamConfig& config,
                           NextRequest next_request, const Clock& clock) {
  config.validate("stream");
  impl_ =
      std::make_unique<Impl>(loader, config, std::move(next_request), clock);
  for (int64_t i = 0; i < config.num_workers; ++i) {
    impl_->workers.push_back(std::make_unique<Worker>(
        str_cat("decode-", i),
        [impl = impl_.get()](const std::stop_token&) { impl->work(); }));
  }
}

SampleStream::~SampleStream() = default;

std::optional<SampleBatch> SampleStream::next() {
  const double start_s = impl_->clock.now_s();
  std::unique_lock lock(impl_->mutex);
  std::deque<Pending>& pending = impl_->pending;
  impl_->can_take.wait(lock, [&] {
    return pending.empty() ? impl_->exhausted : pending.front().complete();
  });
  impl_->waited_s += impl_->clock.now_s() - start_s;
  if (pending.empty()) {
    return std::nullopt;
  }
  if (pending.front().error != nullptr) {
    // Stays in front: the stream ends here, every later call says so again.
    std::rethrow_exception(pending.front().error);
  }
  SampleBatch batch = std::move(pending.front().batch);
  pending.pop_front();
  impl_->can_work.notify_all();
  return batch;
}

void SampleStream::recycle(SampleBatch batch) {
  const std::scoped_lock lock(impl_->mutex);
  if (static_cast<int64_t>(impl_->spare.size()) <
      impl_->config.prefetch_batches) {
    impl_->spare.push_back(std::move(batch));
  }
}

double SampleStream::waited_s() const {
  return impl_->waited_s;
}

}  // namespace voxlift::sharding
