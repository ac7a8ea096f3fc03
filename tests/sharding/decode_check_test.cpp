#include "sharding/decode_check.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "base/files.h"
#include "dataio/decode/decoder.h"
#include "dataio/source/source.h"
#include "dataio/synth.h"
#include "sharding/dataset.h"
#include "sharding/verify.h"
#include "tests/support/expect_error.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace voxlift::sharding {
namespace {

using test::expect_error;

// Packs all of `manifest` with the real check.
DatasetIndex pack_checked(const dataio::Manifest& manifest,
                          const PackConfig& config, const std::string& dir) {
  RealFiles files;
  const PackPlan plan = plan_pack(manifest, config, files);
  prepare_pack_dir(plan, dir, /*replace=*/false, files);
  const PackOutput output{dir, make_decode_check(manifest.modality), nullptr};
  std::vector<ShardSummary> summaries;
  for (size_t k = 0; k < plan.shards.size(); ++k) {
    summaries.push_back(
        pack_shard(plan, static_cast<int64_t>(k), output, files));
  }
  return publish_index(plan, std::move(summaries), dir, files);
}

TEST(DecodeCheckTest, RejectsWhatIsNoPicture) {
  const SampleCheck check = make_decode_check(dataio::Modality::kPhotograph);
  expect_error<DataError>(
      [&] { check(as_bytes("just a few words"), "dir/notes.jpg"); },
      {"dir/notes.jpg"});
}

TEST(DecodeCheckTest, RejectsWhatIsNoScan) {
  const SampleCheck check = make_decode_check(dataio::Modality::kVolume);
  expect_error<DataError>(
      [&] { check(as_bytes("just a few words"), "dir/notes.nii"); },
      {"dir/notes.nii"});
}

TEST(DecodeCheckTest, PacksRealPhotographsByteForByte) {
  const std::string below = "data/natural/imagenet_originals";
  const std::string source = test::shared_data(below);
  if (source.empty()) {
    GTEST_SKIP() << test::shared_data_missing(below);
  }
  dataio::Manifest manifest;
  manifest.classes = {"photograph"};
  const RealFiles files;
  for (const std::string& name : files.list_dir(source)) {
    if (name.ends_with(".JPEG") && manifest.entries.size() < 10) {
      manifest.entries.push_back({join_path(source, name), name, 0});
    }
  }
  const test::TempDir temp;
  PackConfig config;
  config.shard_bytes = 300'000;
  config.jpeg_restarts = false;
  const DatasetIndex index = pack_checked(manifest, config, temp.path());
  EXPECT_GT(index.shards.size(), 1);
  EXPECT_TRUE(verify_dataset(temp.path(), nullptr).ok());
  const Dataset dataset(temp.path(), {});
  EXPECT_EQ(dataset.num_samples(), 10);
  for (int64_t id = 0; id < dataset.num_samples(); ++id) {
    EXPECT_EQ(dataset.read(id),
              files.read(join_path(source, dataset.source_id(id))));
  }
}

TEST(DecodeCheckTest, RewritesPhotographsWithoutChangingAPixel) {
  const test::TempDir temp;
  RealFiles files;
  dataio::SynthPhotosConfig synth;
  synth.num_classes = 2;
  synth.train_per_class = 3;
  synth.val_per_class = 1;
  synth.size = 64;
  const std::string photos = temp.file("photos");
  dataio::write_synth_photos(photos, synth);
  const dataio::Manifest manifest = dataio::list_imagenet(photos, "train");
  const std::string packed = temp.file("packed");
  pack_checked(manifest, {}, packed);
  const Dataset dataset(packed, {});
  ASSERT_EQ(dataset.num_samples(), 6);
  for (int64_t id = 0; id < dataset.num_samples(); ++id) {
    const auto stored = dataset.read(id);
    const auto file = files.read(join_path(photos, dataset.source_id(id)));
    EXPECT_NE(stored, file);
    EXPECT_EQ(dataio::decode_image(stored, "stored").rgb,
              dataio::decode_image(file, "file").rgb);
  }
}

}  // namespace
}  // namespace voxlift::sharding
