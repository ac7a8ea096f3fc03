#include "sharding/pack.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/strings.h"
#include "sharding/dataset.h"
#include "sharding/verify.h"
#include "tests/sharding/packed_world.h"
#include "tests/support/expect_error.h"
#include "tests/support/faulty_files.h"
#include "tests/support/temp_dir.h"

namespace voxlift::sharding {
namespace {

using test::expect_error;
using test::PackedWorld;

PackPlan plan_of(const PackedWorld& world,
                 const PackConfig& config = PackedWorld::small_shards()) {
  return plan_pack(world.manifest, config, world.files);
}

PackConfig checked(const std::string& on_error) {
  PackConfig config = PackedWorld::small_shards();
  config.check = "decode";
  config.on_error = on_error;
  return config;
}

std::vector<ShardSummary> pack_all(const PackPlan& plan, const std::string& dir,
                                   Files& files) {
  std::vector<ShardSummary> summaries;
  for (size_t k = 0; k < plan.shards.size(); ++k) {
    summaries.push_back(pack_shard(plan, static_cast<int64_t>(k),
                                   {dir, PackedWorld::check, nullptr}, files));
  }
  return summaries;
}

TEST(PackPlanTest, CutsEverySampleIntoOneShard) {
  const PackedWorld world(50, 5);
  const PackPlan plan = plan_of(world);
  int64_t next = 0;
  int64_t bytes = 0;
  for (const PlannedShard& shard : plan.shards) {
    EXPECT_EQ(shard.begin, next);
    EXPECT_GT(shard.end, shard.begin);
    EXPECT_LT(shard.bytes, 250 + 150);
    next = shard.end;
    bytes += shard.bytes;
  }
  EXPECT_EQ(next, 50);
  EXPECT_EQ(bytes, plan.num_bytes());
  EXPECT_EQ(plan.shards[1].file, "shard-00001.h5");
}

TEST(PackPlanTest, MixesTheClassesOfAShard) {
  const PackedWorld world(60, 2);
  PackConfig config = PackedWorld::small_shards();
  config.shard_bytes = plan_of(world).num_bytes() / 3;
  const PackPlan plan = plan_of(world, config);
  for (const PlannedShard& shard : plan.shards) {
    std::set<int64_t> labels;
    for (int64_t i = shard.begin; i < shard.end; ++i) {
      labels.insert(plan.samples[static_cast<size_t>(i)].source.label);
    }
    EXPECT_EQ(labels.size(), 2);
  }
}

TEST(PackPlanTest, DependsOnSeedAndContentOnly) {
  PackedWorld world;
  const std::string digest = plan_of(world).digest;
  EXPECT_EQ(plan_of(world).digest, digest);
  PackConfig config = PackedWorld::small_shards();
  config.seed = 1;
  EXPECT_NE(plan_of(world, config).digest, digest);
  world.manifest.entries[0].label = 2;
  EXPECT_NE(plan_of(world).digest, digest);
}

TEST(PackPlanTest, GivesALargeSampleAShardOfItsOwn) {
  PackedWorld world(3, 1);
  world.write_source(world.manifest.entries[1].id, std::string(5000, 'x'));
  const PackPlan plan = plan_of(world);
  EXPECT_LE(plan.shards.size(), 3);
  EXPECT_EQ(plan.shards.back().end, 3);
}

TEST(PackPlanTest, RejectsAnEmptyManifest) {
  expect_error<DataError>(
      [] { plan_pack({}, PackedWorld::small_shards(), RealFiles()); },
      {"nothing to pack"});
}

TEST(PackPlanTest, RejectsALabelOutsideOfTheClasses) {
  PackedWorld world;
  world.manifest.entries[3].label = 3;
  expect_error<DataError>(
      [&] { plan_of(world); },
      {world.manifest.entries[3].id, "label is 3", "3 classes"});
}

TEST(PackPlanTest, RejectsARepeatedId) {
  PackedWorld world;
  world.manifest.entries.push_back(world.manifest.entries[3]);
  expect_error<DataError>([&] { plan_of(world); },
                          {world.manifest.entries[3].id, "twice"});
}

TEST(PackPlanTest, RejectsAClassNameThatIsNotUtf8) {
  PackedWorld world;
  world.manifest.classes[0] = "caf\xE9";
  expect_error<DataError>([&] { plan_of(world); }, {"caf", "not UTF-8"});
}

TEST(PackConfigTest, RejectsValuesOutOfRange) {
  PackConfig config;
  config.shard_bytes = 0;
  expect_error<ConfigError>([&] { config.validate("pack"); },
                            {"pack.shard_bytes is 0"});
  config = {};
  config.check = "maybe";
  expect_error<ConfigError>([&] { config.validate("pack"); },
                            {"pack.check is 'maybe'", "'decode' or 'none'"});
  config = {};
  config.on_error = "ignore";
  expect_error<ConfigError>([&] { config.validate("pack"); },
                            {"pack.on_error is 'ignore'", "'fail' or 'skip'"});
}

TEST(PackTest, GivesTheSameFilesInAnyOrderOfShards) {
  PackedWorld world(30, 3);
  const PackPlan plan = plan_of(world);
  test::TempDir other;
  auto forward = pack_all(plan, other.path(), world.files);
  world.pack();
  std::reverse(forward.begin(), forward.end());
  publish_index(plan, forward, other.path(), world.files);
  for (const std::string& name : world.files.list_dir(world.dir())) {
    EXPECT_EQ(test::read_text(world.file(name)),
              test::read_text(other.file(name)))
        << name;
  }
}

TEST(PackTest, CountsSamplesPerClass) {
  PackedWorld world(10, 2);
  const DatasetIndex index = world.pack();
  EXPECT_EQ(index.samples_per_class, (std::vector<int64_t>{5, 5}));
  EXPECT_EQ(index.num_samples(), 10);
}

TEST(PackTest, ReportsProgressPerSample) {
  PackedWorld world;
  const PackPlan plan = plan_of(world);
  world.files.make_dirs(world.dir());
  int64_t done = 0;
  const PackOutput output{world.dir(), nullptr,
                          [&](int64_t num_samples) { done += num_samples; }};
  for (int round = 0; round < 2; ++round) {  // The second time: kept.
    done = 0;
    for (size_t k = 0; k < plan.shards.size(); ++k) {
      pack_shard(plan, static_cast<int64_t>(k), output, world.files);
    }
    EXPECT_EQ(done, 12);
  }
}

TEST(PackTest, KeepsFinishedShardsOfTheSamePlan) {
  PackedWorld world;
  const PackPlan plan = plan_of(world);
  const DatasetIndex first = world.pack();
  const auto summaries = pack_all(plan, world.dir(), world.files);
  for (const ShardSummary& summary : summaries) {
    EXPECT_TRUE(summary.kept);
  }
  const auto second = publish_index(plan, summaries, world.dir(), world.files);
  EXPECT_EQ(index_to_json(first), index_to_json(second));
}

TEST(PackTest, PacksADamagedShardAnew) {
  PackedWorld world;
  const PackPlan plan = plan_of(world);
  world.pack();
  const std::string good = test::read_text(world.file("shard-00000.h5"));
  const std::string cut = good.substr(0, good.size() / 2);
  world.files.publish(world.file("shard-00000.h5"), cut);
  const auto summaries = pack_all(plan, world.dir(), world.files);
  EXPECT_FALSE(summaries[0].kept);
  EXPECT_TRUE(summaries[1].kept);
  EXPECT_EQ(test::read_text(world.file("shard-00000.h5")), good);
}

TEST(PackTest, PacksShardsOfAnotherPlanAnew) {
  PackedWorld world;
  world.files.make_dirs(world.dir());
  pack_all(plan_of(world), world.dir(), world.files);
  PackConfig config = PackedWorld::small_shards();
  config.seed = 9;
  for (const auto& summary :
       pack_all(plan_of(world, config), world.dir(), world.files)) {
    EXPECT_FALSE(summary.kept);
  }
}

TEST(PackTest, RefusesAFolderThatHoldsAnotherDataSet) {
  PackedWorld world;
  world.pack();
  PackConfig config = PackedWorld::small_shards();
  config.shard_bytes = 1'000'000;
  const PackPlan plan = plan_of(world, config);
  expect_error<ConfigError>(
      [&] { prepare_pack_dir(plan, world.dir(), false, world.files); },
      {world.dir(), "another packed data set", plan.digest});
  prepare_pack_dir(plan, world.dir(), true, world.files);
  EXPECT_FALSE(world.files.exists(world.file("index.json")));
  publish_index(plan, pack_all(plan, world.dir(), world.files), world.dir(),
                world.files);
  EXPECT_EQ(world.files.list_dir(world.dir()),
            (std::vector<std::string>{"index.json", "shard-00000.h5"}));
}

TEST(PackTest, RemovesWhatAKilledPackLeft) {
  PackedWorld world;
  world.files.make_dirs(world.dir());
  world.files.publish(world.file("shard-00000.h5.tmp"), "half");
  world.files.publish(world.file("notes.tmp"), "not ours");
  prepare_pack_dir(plan_of(world), world.dir(), false, world.files);
  EXPECT_EQ(world.files.list_dir(world.dir()),
            (std::vector<std::string>{"notes.tmp"}));
}

TEST(PackTest, ListsAllUnreadableFilesAndFails) {
  PackedWorld world;
  const std::string bad = world.manifest.entries[2].id;
  const std::string empty = world.manifest.entries[5].id;
  const std::string gone = world.manifest.entries[7].id;
  world.write_source(bad, "broken");
  world.write_source(empty, "");
  world.files.remove_all(world.source_path(gone));
  expect_error<DataError>(
      [&] { world.pack(checked("fail")); },
      {"3 of 12 files", bad + ": ", "is broken", empty + ": ", "is empty",
       gone + ": ", "No such file", "rejected.txt"});
  EXPECT_FALSE(world.files.exists(world.file("index.json")));
  const std::string list = test::read_text(world.file("rejected.txt"));
  EXPECT_EQ(std::count(list.begin(), list.end(), '\n'), 3);
}

TEST(PackTest, SkipsUnreadableFilesWhereAsked) {
  PackedWorld world;
  const std::string bad = world.manifest.entries[2].id;
  world.write_source(bad, "broken");
  const DatasetIndex index = world.pack(checked("skip"));
  EXPECT_EQ(index.num_samples(), 11);
  EXPECT_TRUE(verify_dataset(world.dir(), nullptr).ok());
  EXPECT_NE(test::read_text(world.file("rejected.txt")).find(bad + "\t"),
            std::string::npos);
}

TEST(PackTest, KeepsAShardThatSkippedAndStillNamesTheFile) {
  PackedWorld world;
  const std::string bad = world.manifest.entries[2].id;
  world.write_source(bad, "broken");
  world.pack(checked("skip"));
  const auto plan = plan_of(world, checked("skip"));
  int64_t num_rejected = 0;
  for (const auto& summary : pack_all(plan, world.dir(), world.files)) {
    EXPECT_TRUE(summary.kept);
    num_rejected += static_cast<int64_t>(summary.rejected.size());
  }
  EXPECT_EQ(num_rejected, 1);
  // Repaired without a change of size: its shard is packed again, whole.
  world.write_source(bad, "mended");
  int64_t num_samples = 0;
  for (const auto& summary : pack_all(plan, world.dir(), world.files)) {
    num_samples += summary.num_samples;
  }
  EXPECT_EQ(num_samples, 12);
}

TEST(PackTest, RemovesTheListOnceAllIsWell) {
  PackedWorld world;
  const std::string bad = world.manifest.entries[2].id;
  const std::string good = PackedWorld::content_of(bad);
  world.write_source(bad, "broken");
  EXPECT_THROW(world.pack(checked("fail")), DataError);
  world.write_source(bad, good);
  world.pack(checked("fail"));
  EXPECT_FALSE(world.files.exists(world.file("rejected.txt")));
}

TEST(PackTest, FailsWhereNothingIsLeft) {
  PackedWorld world(2, 1);
  for (const auto& entry : world.manifest.entries) {
    world.write_source(entry.id, "broken");
  }
  expect_error<DataError>([&] { world.pack(checked("skip")); },
                          {world.dir(), "no readable file", "all 2"});
}

TEST(PackTest, ListsANameThatIsNotUtf8) {
  PackedWorld world(4, 1);
  const std::string id = "caf\xE9.jpg";
  world.write_source(id, "content");
  world.manifest.entries.push_back({world.source_path(id), id, 0});
  EXPECT_EQ(world.pack(checked("skip")).num_samples(), 4);
  EXPECT_NE(test::read_text(world.file("rejected.txt")).find("not UTF-8"),
            std::string::npos);
}

TEST(PackTest, FailsIfAFileChangesMeanwhile) {
  PackedWorld world;
  const PackPlan plan = plan_of(world, checked("skip"));
  const std::string id = plan.samples[0].source.id;
  world.write_source(id, "longer " + PackedWorld::content_of(id));
  world.files.make_dirs(world.dir());
  expect_error<DataError>([&] { pack_all(plan, world.dir(), world.files); },
                          {id, "changed while being packed",
                           str_cat("had ", plan.samples[0].bytes)});
}

TEST(PackTest, FailsIfAFileChangesBetweenCheckAndWrite) {
  PackedWorld world;
  const PackPlan plan = plan_of(world, checked("skip"));
  const std::string id = plan.samples[0].source.id;
  std::string other = PackedWorld::content_of(id);
  other[0] ^= 1;
  world.files.make_dirs(world.dir());
  const PackOutput output{world.dir(), PackedWorld::check,
                          [&](int64_t) { world.write_source(id, other); }};
  expect_error<DataError>([&] { pack_shard(plan, 0, output, world.files); },
                          {id, "changed while being packed", "checksum 0x"});
  EXPECT_TRUE(world.files.list_dir(world.dir()).empty());
}

// Three samples in one file, as in a tar file.
void put_in_one_file(PackedWorld& world) {
  world.write_source("all.tar", "headONEmiddleTWOthreeTHREEtail");
  const std::pair<int64_t, int64_t> parts[] = {{4, 3}, {13, 3}, {21, 5}};
  for (size_t i = 0; i < 3; ++i) {
    dataio::SourceEntry& entry = world.manifest.entries[i];
    entry.path = world.source_path("all.tar");
    entry.offset = parts[i].first;
    entry.length = parts[i].second;
  }
}

TEST(PackTest, PacksPartsOfAFile) {
  PackedWorld world(3, 1);
  put_in_one_file(world);
  world.pack();
  const Dataset dataset(world.dir(), {});
  std::multiset<std::string> contents;
  for (int64_t i = 0; i < 3; ++i) {
    contents.emplace(as_text(dataset.read(i)));
  }
  EXPECT_EQ(contents, (std::multiset<std::string>{"ONE", "TWO", "THREE"}));
}

TEST(PackTest, RejectsPartsBeyondTheFile) {
  PackedWorld world(3, 1);
  put_in_one_file(world);
  world.manifest.entries[1].length = 18;
  const PackPlan plan = plan_of(world);
  ASSERT_EQ(plan.rejected.size(), 1U);
  EXPECT_NE(plan.rejected[0].reason.find(
                "has 30 bytes, but the sample is 18 from byte 13 on"),
            std::string::npos);
}

TEST(PackTest, PassesAFullDiskOn) {
  PackedWorld world;
  const PackPlan plan = plan_of(world);
  world.files.make_dirs(world.dir());
  const auto summaries = pack_all(plan, world.dir(), world.files);
  test::FaultyFiles full({.cut_at_byte = 10});
  expect_error<IoError>(
      [&] { publish_index(plan, summaries, world.dir(), full); },
      {"index.json", "No space left"});
  EXPECT_FALSE(world.files.exists(world.file("index.json")));
}

TEST(PackTest, SendsSummariesAsJson) {
  PackedWorld world;
  world.write_source(world.manifest.entries[2].id, "broken");
  const PackPlan plan = plan_of(world, checked("skip"));
  world.files.make_dirs(world.dir());
  for (const auto& summary : pack_all(plan, world.dir(), world.files)) {
    const Json json = Json::parse(summary_to_json(summary).dump());
    EXPECT_EQ(summary_to_json(summary_from_json(json, "rank 1")), json);
  }
  expect_error<DataError>([] { summary_from_json(Json::object(), "rank 1"); },
                          {"rank 1", "shard"});
}

TEST(PackTest, ChecksTheShardNumber) {
  PackedWorld world;
  const PackPlan plan = plan_of(world);
  expect_error<InternalError>(
      [&] {
        pack_shard(plan, 99, {world.dir(), nullptr, nullptr}, world.files);
      },
      {"shard 99"});
}

}  // namespace
}  // namespace voxlift::sharding
