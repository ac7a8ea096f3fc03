#include "sharding/sample_stream.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"
#include "sharding/assignment.h"
#include "tests/sharding/packed_world.h"
#include "tests/support/expect_error.h"

namespace voxlift::sharding {
namespace {

using test::expect_error;
using test::PackedWorld;

// Four floats: the length of the bytes, the first of them, two draws.
class FakeTransform : public dataio::PhotoTransform {
 public:
  dataio::SampleShape shape() const override { return {1, 1, 2, 2}; }

  void apply(std::span<const std::byte> encoded, const std::string& origin,
             RandomStream& draws, dataio::Workspace& /*workspace*/,
             std::span<float> out) const override {
    if (as_text(encoded).find("broken") != std::string_view::npos) {
      throw DataError(origin + ": is broken");
    }
    out[0] = static_cast<float>(encoded.size());
    out[1] = static_cast<float>(encoded[0]);
    out[2] = static_cast<float>(draws.uniform());
    out[3] = static_cast<float>(draws.uniform());
  }
};

class SampleStreamTest : public testing::Test {
 protected:
  // Packs the world, which a test may have changed before.
  const Dataset& dataset() {
    if (!dataset_) {
      world_.pack();
      dataset_ = std::make_unique<Dataset>(world_.dir(), DatasetConfig{});
    }
    return *dataset_;
  }

  // All batches of one epoch in steps of two slots.
  SampleStream::NextRequest epoch_requests(int64_t epoch) {
    auto assignment = std::make_shared<EpochAssignment>(
        AssignmentConfig{.num_samples = dataset().num_samples(),
                         .slots = 2,
                         .slot_batch = 3},
        epoch);
    return [assignment,
            next = int64_t{0}]() mutable -> std::optional<BatchRequest> {
      if (next == 2 * assignment->num_steps()) {
        return std::nullopt;
      }
      const int64_t step = next / 2;
      const int64_t slot = next++ % 2;
      return BatchRequest{assignment->epoch(), step, slot,
                          assignment->slot_samples(step, slot)};
    };
  }

  std::unique_ptr<SampleStream> make_stream(SampleStream::NextRequest requests,
                                            int64_t num_workers = 3,
                                            int64_t prefetch_batches = 2,
                                            uint64_t seed = 5) {
    loader_ = make_photo_loader(dataset(), std::make_unique<FakeTransform>());
    return std::make_unique<SampleStream>(
        *loader_, SampleStreamConfig{num_workers, prefetch_batches, seed},
        std::move(requests), clock_);
  }

  static std::vector<SampleBatch> drain(SampleStream& stream) {
    std::vector<SampleBatch> batches;
    while (auto batch = stream.next()) {
      batches.push_back(*std::move(batch));
    }
    return batches;
  }

  // The values of one epoch, one after the other.
  std::vector<float> epoch_values(int64_t epoch, int64_t num_workers,
                                  uint64_t seed = 5) {
    std::vector<float> values;
    const auto stream =
        make_stream(epoch_requests(epoch), num_workers, 3, seed);
    while (auto batch = stream->next()) {
      values.insert(values.end(), batch->data.begin(), batch->data.end());
      stream->recycle(*std::move(batch));
    }
    return values;
  }

  PackedWorld world_{26, 2};
  RealClock clock_;
  std::unique_ptr<Dataset> dataset_;
  std::unique_ptr<SampleLoader> loader_;
};

// Remembers what it is told, in order: ids to come as they are, loads as -1 -
// id. One worker.
class RecordingLoader : public SampleLoader {
 public:
  explicit RecordingLoader(const SampleLoader& loader) : loader_(loader) {}

  int64_t num_samples() const override { return loader_.num_samples(); }

  dataio::SampleShape shape() const override { return loader_.shape(); }

  bool has_mask() const override { return false; }

  int64_t label(int64_t id) const override { return loader_.label(id); }

  void will_need(int64_t id) const override {
    told_.push_back(id);
    loader_.will_need(id);
  }

  void load(int64_t id, RandomStream& draws, dataio::Workspace& workspace,
            dataio::Sample& out) const override {
    told_.push_back(-1 - id);
    loader_.load(id, draws, workspace, out);
  }

  const std::vector<int64_t>& told() const { return told_; }

 private:
  const SampleLoader& loader_;
  mutable std::vector<int64_t> told_;
};

TEST_F(SampleStreamTest, TellsTheIdsOfABatchBeforeItLoadsThem) {
  const auto photos =
      make_photo_loader(dataset(), std::make_unique<FakeTransform>());
  const RecordingLoader loader(*photos);
  SampleStream stream(loader, {.num_workers = 1, .prefetch_batches = 2},
                      epoch_requests(0), clock_);
  std::vector<int64_t> expected;
  for (const SampleBatch& batch : drain(stream)) {
    for (const int64_t id : batch.request.ids) {
      expected.push_back(id);
    }
    for (const int64_t id : batch.request.ids) {
      expected.push_back(-1 - id);
    }
  }
  EXPECT_EQ(expected.size(), 2 * 26);
  EXPECT_EQ(loader.told(), expected);
}

TEST_F(SampleStreamTest, LoadsWhatIsAskedForInOrder) {
  const auto stream = make_stream(epoch_requests(0));
  const auto batches = drain(*stream);
  ASSERT_EQ(batches.size(), 10);
  int64_t num_samples = 0;
  for (size_t i = 0; i < batches.size(); ++i) {
    const SampleBatch& batch = batches[i];
    EXPECT_EQ(batch.request.step, static_cast<int64_t>(i / 2));
    EXPECT_EQ(batch.request.slot, static_cast<int64_t>(i % 2));
    EXPECT_EQ(batch.data.size(), 4 * batch.request.ids.size());
    for (size_t s = 0; s < batch.request.ids.size(); ++s) {
      const int64_t id = batch.request.ids[s];
      EXPECT_EQ(batch.labels[s], dataset().label(id));
      EXPECT_EQ(batch.data[4 * s],
                static_cast<float>(dataset().read(id).size()));
    }
    num_samples += static_cast<int64_t>(batch.labels.size());
  }
  EXPECT_EQ(num_samples, 26);
  EXPECT_FALSE(stream->next().has_value());
}

TEST_F(SampleStreamTest, GivesTheSameBatchesForAnyNumberOfWorkers) {
  const auto alone = epoch_values(0, 1);
  for (const int64_t num_workers : {2, 3, 8}) {
    EXPECT_EQ(epoch_values(0, num_workers), alone) << num_workers;
  }
}

TEST_F(SampleStreamTest, DrawsBySeedEpochAndId) {
  const auto first = epoch_values(0, 2);
  EXPECT_NE(epoch_values(0, 2, 6), first);
  const auto stream = make_stream(epoch_requests(3));
  for (const SampleBatch& batch : drain(*stream)) {
    for (size_t s = 0; s < batch.request.ids.size(); ++s) {
      RandomStream draws(5, Purpose::kAugment, 3,
                         static_cast<uint64_t>(batch.request.ids[s]));
      EXPECT_EQ(batch.data[4 * s + 2], static_cast<float>(draws.uniform()));
    }
  }
}

TEST_F(SampleStreamTest, ReturnsEmptyBatches) {
  auto requests = [step = int64_t{0}]() mutable -> std::optional<BatchRequest> {
    if (step == 3) {
      return std::nullopt;
    }
    return BatchRequest{0, step++, 0, {}};
  };
  const auto stream = make_stream(requests);
  const auto batches = drain(*stream);
  ASSERT_EQ(batches.size(), 3);
  EXPECT_EQ(batches[2].request.step, 2);
  EXPECT_TRUE(batches[2].data.empty());
}

TEST_F(SampleStreamTest, EndsAtOnceWithoutRequests) {
  const auto stream = make_stream([] { return std::nullopt; });
  EXPECT_FALSE(stream->next().has_value());
}

TEST_F(SampleStreamTest, DeliversAnErrorWhenItsTurnHasCome) {
  world_.write_source(world_.manifest.entries[4].id, "broken");
  std::vector<size_t> num_good;
  for (const int64_t num_workers : {1, 4}) {
    const auto stream = make_stream(epoch_requests(0), num_workers, 4);
    size_t num_batches = 0;
    auto next = [&] {
      while (stream->next().has_value()) {
        ++num_batches;
      }
    };
    expect_error<DataError>(
        next, {world_.manifest.entries[4].id + " (shard ", "is broken"});
    num_good.push_back(num_batches);
    expect_error<DataError>(next, {"is broken"});  // And stays.
  }
  EXPECT_EQ(num_good[0], num_good[1]);
}

TEST_F(SampleStreamTest, ReportsTheFirstOfSeveralErrors) {
  for (const auto& entry : world_.manifest.entries) {
    world_.write_source(entry.id, "broken");
  }
  for (int round = 0; round < 20; ++round) {
    auto requests = [done = false]() mutable -> std::optional<BatchRequest> {
      if (std::exchange(done, true)) {
        return std::nullopt;
      }
      return BatchRequest{0, 0, 0, {7, 3, 9, 1}};
    };
    const auto stream = make_stream(requests, 4);
    expect_error<DataError>([&] { static_cast<void>(stream->next()); },
                            {dataset().describe(7)});
  }
}

TEST_F(SampleStreamTest, DeliversAnErrorOfTheRequests) {
  auto requests = [step = int64_t{0}]() mutable -> std::optional<BatchRequest> {
    if (step == 2) {
      throw ConfigError("no more");
    }
    return BatchRequest{0, step++, 0, {1, 2}};
  };
  const auto stream = make_stream(requests);
  EXPECT_TRUE(stream->next().has_value());
  EXPECT_TRUE(stream->next().has_value());
  expect_error<ConfigError>([&] { static_cast<void>(stream->next()); },
                            {"no more"});
}

TEST_F(SampleStreamTest, StopsEarlyAtAnyMoment) {
  for (int num_taken = 0; num_taken < 8; ++num_taken) {
    for (const int64_t num_workers : {1, 4}) {
      const auto stream = make_stream(epoch_requests(0), num_workers, 1);
      for (int i = 0; i < num_taken; ++i) {
        EXPECT_TRUE(stream->next().has_value());
      }
    }
  }
}

TEST_F(SampleStreamTest, StaysWithinItsPrefetch) {
  std::atomic<int64_t> num_requests = 0;
  auto requests = [&]() -> std::optional<BatchRequest> {
    return BatchRequest{0, num_requests++, 0, {0, 1}};
  };
  const auto stream = make_stream(requests, 4, 3);
  for (int64_t taken = 1; taken <= 50; ++taken) {
    EXPECT_TRUE(stream->next().has_value());
    EXPECT_LE(num_requests.load(), taken + 3);
  }
}

// Two samples of one batch meet inside of the transform: one batch is shared by
// several workers. Would never return otherwise.
TEST_F(SampleStreamTest, SharesOneBatchBetweenWorkers) {
  class MeetingTransform : public FakeTransform {
   public:
    void apply(std::span<const std::byte> encoded, const std::string& origin,
               RandomStream& draws, dataio::Workspace& workspace,
               std::span<float> out) const override {
      both_.arrive_and_wait();
      FakeTransform::apply(encoded, origin, draws, workspace, out);
    }

   private:
    mutable std::latch both_{2};
  };

  const auto meeting =
      make_photo_loader(dataset(), std::make_unique<MeetingTransform>());
  auto requests = [done = false]() mutable -> std::optional<BatchRequest> {
    if (std::exchange(done, true)) {
      return std::nullopt;
    }
    return BatchRequest{0, 0, 0, {0, 1}};
  };
  SampleStream stream(*meeting, {2, 1, 0}, requests, clock_);
  EXPECT_EQ(stream.next()->labels.size(), 2);
}

TEST_F(SampleStreamTest, MeasuresHowLongItWaited) {
  class SteppingClock : public Clock {
   public:
    double now_s() const override { return now_s_ += 0.5; }

   private:
    mutable double now_s_ = 0.0;
  };

  const SteppingClock clock;
  const auto loader =
      make_photo_loader(dataset(), std::make_unique<FakeTransform>());
  SampleStream stream(*loader, {2, 2, 0}, epoch_requests(0), clock);
  EXPECT_EQ(stream.waited_s(), 0.0);
  static_cast<void>(stream.next());
  static_cast<void>(stream.next());
  EXPECT_EQ(stream.waited_s(), 1.0);
}

TEST(SampleStreamConfigTest, RejectsValuesOutOfRange) {
  expect_error<ConfigError>(
      [] {
        SampleStreamConfig{0, 1, 0}.validate("in");
      },
      {"in.num_workers is 0"});
  expect_error<ConfigError>(
      [] {
        SampleStreamConfig{1, 0, 0}.validate("in");
      },
      {"in.prefetch_batches is 0"});
}

}  // namespace
}  // namespace voxlift::sharding
