#include "sharding/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/worker.h"
#include "tests/sharding/packed_world.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::sharding {
namespace {

using test::expect_error;
using test::PackedWorld;

TEST(DatasetTest, ReadsEverySampleOfEveryShard) {
  PackedWorld world(20, 4);
  const DatasetIndex index = world.pack();
  ASSERT_GT(index.shards.size(), 2);
  const Dataset dataset(world.dir(), {});
  EXPECT_EQ(dataset.num_samples(), 20);
  EXPECT_EQ(dataset.classes(), world.manifest.classes);
  EXPECT_EQ(dataset.modality(), dataio::Modality::kPhotograph);
  std::set<std::string> ids;
  for (int64_t id = 0; id < dataset.num_samples(); ++id) {
    const std::string& source = dataset.source_id(id);
    EXPECT_EQ(as_text(dataset.read(id)), PackedWorld::content_of(source));
    EXPECT_TRUE(source.starts_with(
        dataset.classes()[static_cast<size_t>(dataset.label(id))]));
    ids.insert(source);
  }
  EXPECT_EQ(ids.size(), 20);
}

TEST(DatasetTest, SaysWhereASampleIs) {
  PackedWorld world;
  const DatasetIndex index = world.pack();
  const Dataset dataset(world.dir(), {});
  const int64_t second_shard = index.shards[0].num_samples;
  EXPECT_EQ(
      dataset.describe(second_shard),
      dataset.source_id(second_shard) + " (shard shard-00001.h5, sample 0)");
}

TEST(DatasetTest, ReadsFromManyThreads) {
  PackedWorld world(30, 3);
  world.pack();
  const Dataset dataset(world.dir(), {});
  std::vector<std::unique_ptr<Worker>> workers;
  for (int w = 0; w < 4; ++w) {
    workers.push_back(
        std::make_unique<Worker>("reader", [&](const std::stop_token&) {
          for (int64_t id = 0; id < dataset.num_samples(); ++id) {
            const std::string& source = dataset.source_id(id);
            VOXLIFT_CHECK(
                as_text(dataset.read(id)) == PackedWorld::content_of(source),
                source);
          }
        }));
  }
  for (const auto& worker : workers) {
    worker->join();
  }
}

TEST(DatasetTest, KeepsItsFingerprintOverPacks) {
  PackedWorld world;
  world.pack();
  const uint32_t first = Dataset(world.dir(), {}).fingerprint();
  world.files.remove_all(world.dir());
  world.pack();
  EXPECT_EQ(Dataset(world.dir(), {}).fingerprint(), first);
}

TEST(DatasetTest, ChangesItsFingerprintWithContentLabelAndClass) {
  std::set<uint32_t> fingerprints;
  for (int change = 0; change < 4; ++change) {
    PackedWorld world;
    const std::string id = world.manifest.entries[0].id;
    if (change == 1) {
      std::string content = PackedWorld::content_of(id);
      content[0] ^= 1;
      world.write_source(id, content);
    } else if (change == 2) {
      world.manifest.entries[0].label = 1;
    } else if (change == 3) {
      world.manifest.classes[2] = "other";
    }
    world.pack();
    fingerprints.insert(Dataset(world.dir(), {}).fingerprint());
  }
  EXPECT_EQ(fingerprints.size(), 4);
}

TEST(DatasetTest, CanBeMoved) {
  PackedWorld world;
  world.pack();
  Dataset first(world.dir(), {});
  const Dataset second = std::move(first);
  EXPECT_EQ(second.num_samples(), 12);
}

TEST(DatasetTest, ChecksTheSampleId) {
  PackedWorld world;
  world.pack();
  const Dataset dataset(world.dir(), {});
  for (const int64_t id : {-1, 12}) {
    expect_error<InternalError>([&] { static_cast<void>(dataset.read(id)); },
                                {std::to_string(id), "of 12"});
  }
}

}  // namespace
}  // namespace voxlift::sharding
