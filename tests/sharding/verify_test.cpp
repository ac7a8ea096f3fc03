#include "sharding/verify.h"

#include <gtest/gtest.h>

#include <string>

#include "base/strings.h"
#include "tests/sharding/packed_world.h"
#include "tests/support/temp_dir.h"

namespace voxlift::sharding {
namespace {

using test::PackedWorld;

// Flips one bit of the content of source `id` inside of the packed shards.
void damage(const PackedWorld& world, const std::string& id) {
  RealFiles files;
  const std::string needle = PackedWorld::content_of(id);
  for (const std::string& name : files.list_dir(world.dir())) {
    std::string content = test::read_text(world.file(name));
    const size_t at = content.find(needle);
    if (at != std::string::npos && name.ends_with(".h5")) {
      content[at] ^= 4;
      files.publish(world.file(name), content);
    }
  }
}

TEST(VerifyTest, FindsNothingInAGoodDataSet) {
  PackedWorld world(20, 4);
  const DatasetIndex index = world.pack();
  int64_t last = 0;
  const auto report =
      verify_dataset(world.dir(), [&](int64_t done, int64_t total) {
        EXPECT_EQ(done, last + 1);
        EXPECT_EQ(total, 20);
        last = done;
      });
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(last, 20);
  EXPECT_EQ(report.num_samples, 20);
  EXPECT_EQ(report.num_shards, static_cast<int64_t>(index.shards.size()));
  EXPECT_EQ(report.num_bytes,
            plan_pack(world.manifest, PackedWorld::small_shards(), world.files)
                .num_bytes());
}

TEST(VerifyTest, CollectsEveryDamagedSample) {
  PackedWorld world(20, 4);
  world.pack();
  damage(world, world.manifest.entries[3].id);
  damage(world, world.manifest.entries[17].id);
  const auto report = verify_dataset(world.dir(), nullptr);
  EXPECT_EQ(report.problems.size(), 2);
  EXPECT_EQ(report.num_samples, 20);
  EXPECT_FALSE(report.stopped_early);
  const std::string all = str_join(report.problems, "\n");
  EXPECT_NE(all.find(world.manifest.entries[3].id), std::string::npos);
  EXPECT_NE(all.find(world.manifest.entries[17].id), std::string::npos);
}

TEST(VerifyTest, GoesOnAfterAMissingShard) {
  PackedWorld world(20, 4);
  const DatasetIndex index = world.pack();
  world.files.remove_all(world.file("shard-00001.h5"));
  const auto report = verify_dataset(world.dir(), nullptr);
  ASSERT_EQ(report.problems.size(), 1);
  EXPECT_NE(report.problems[0].find("'shard-00001.h5', which does not exist"),
            std::string::npos);
  EXPECT_EQ(report.num_samples, 20 - index.shards[1].num_samples);
}

TEST(VerifyTest, StopsAtTheLimit) {
  PackedWorld world(20, 4);
  world.pack();
  for (const auto& entry : world.manifest.entries) {
    damage(world, entry.id);
  }
  const auto report = verify_dataset(world.dir(), nullptr, 5);
  EXPECT_EQ(report.problems.size(), 5);
  EXPECT_TRUE(report.stopped_early);
}

TEST(VerifyTest, ReportsAFolderWithoutIndex) {
  const test::TempDir temp;
  const auto report = verify_dataset(temp.path(), nullptr);
  ASSERT_EQ(report.problems.size(), 1);
  EXPECT_NE(report.problems[0].find("index.json"), std::string::npos);
}

TEST(VerifyTest, ReportsAShardThatNobodyLists) {
  PackedWorld world;
  world.pack();
  world.files.publish(world.file("other.h5"), "x");
  const auto report = verify_dataset(world.dir(), nullptr);
  ASSERT_EQ(report.problems.size(), 1);
  EXPECT_NE(report.problems[0].find("other.h5' is not listed"),
            std::string::npos);
}

}  // namespace
}  // namespace voxlift::sharding
