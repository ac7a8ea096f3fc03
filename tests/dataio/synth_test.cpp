#include "dataio/synth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "base/files.h"
#include "dataio/decode/decoder.h"
#include "dataio/source/scan_list.h"
#include "dataio/source/source.h"
#include "tests/dataio/made_files.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

using voxlift::test::expect_error;
using voxlift::test::TempDir;

SynthPhotosConfig small_photos() {
  SynthPhotosConfig config;
  config.num_classes = 3;
  config.train_per_class = 2;
  config.val_per_class = 1;
  config.size = 32;
  return config;
}

SynthVolumesConfig small_volumes() {
  SynthVolumesConfig config;
  config.num_classes = 2;
  config.train_per_class = 2;
  config.val_per_class = 1;
  config.size = 16;
  return config;
}

TEST(SynthPhotosTest, DependOnSeedLabelAndIndex) {
  SynthPhotosConfig config = small_photos();
  const Image image = synth_photograph(config, 1, 5);
  EXPECT_EQ(image.rgb, synth_photograph(config, 1, 5).rgb);
  EXPECT_NE(image.rgb, synth_photograph(config, 1, 6).rgb);
  EXPECT_NE(image.rgb, synth_photograph(config, 2, 5).rgb);
  config.seed = 2;
  EXPECT_NE(image.rgb, synth_photograph(config, 1, 5).rgb);
}

TEST(SynthPhotosTest, HaveTheShortSideAskedFor) {
  for (int64_t i = 0; i < 10; ++i) {
    const Image image = synth_photograph(small_photos(), 0, i);
    EXPECT_EQ(image.height, 32);
    EXPECT_GE(image.width, 32);
    EXPECT_LE(image.width, 45);
  }
}

TEST(SynthPhotosTest, NameEveryClassDifferently) {
  std::set<std::string> names;
  for (int64_t label = 0; label < kMaxSynthPhotoClasses; ++label) {
    names.insert(synth_photo_class_name(label));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(kMaxSynthPhotoClasses));
}

// No class has a colour of its own: over many pictures every class has about
// the same mean in every plane.
TEST(SynthPhotosTest, CannotBeToldByColour) {
  SynthPhotosConfig config = small_photos();
  config.num_classes = 8;
  config.size = 16;
  for (int64_t label = 0; label < config.num_classes; ++label) {
    std::array<double, 3> sum{};
    double count = 0.0;
    for (int64_t i = 0; i < 60; ++i) {
      const Image image = synth_photograph(config, label, i);
      for (size_t p = 0; p < image.rgb.size(); ++p) {
        sum[p % 3] += image.rgb[p];
      }
      count += static_cast<double>(image.rgb.size()) / 3.0;
    }
    for (const double s : sum) {
      EXPECT_NEAR(s / count, 124.0, 24.0) << label;
    }
  }
}

TEST(SynthPhotosTest, AreWrittenInTheImagenetLayout) {
  const TempDir dir;
  int64_t last = 0;
  write_synth_photos(dir.path(), small_photos(),
                     [&](int64_t done, int64_t total) {
                       EXPECT_EQ(done, last + 1);
                       EXPECT_EQ(total, 9);
                       last = done;
                     });
  EXPECT_EQ(last, 9);
  const Manifest train = list_imagenet(dir.path(), "train");
  const Manifest val = list_imagenet(dir.path(), "val");
  EXPECT_EQ(train.classes,
            (std::vector<std::string>{"n00000001", "n00000002", "n00000003"}));
  EXPECT_EQ(train.entries.size(), 6U);
  EXPECT_EQ(val.entries.size(), 3U);
  for (const SourceEntry& entry : val.entries) {
    const Image image = decode_image(test::file_bytes(entry.path), entry.path);
    EXPECT_EQ(image.height, 32);
  }
}

TEST(SynthPhotosTest, AreTheSameBytesAgain) {
  const TempDir dir;
  write_synth_photos(dir.file("a"), small_photos());
  write_synth_photos(dir.file("b"), small_photos());
  for (const char* split : {"train", "val"}) {
    const Manifest a = list_imagenet(dir.file("a"), split);
    const Manifest b = list_imagenet(dir.file("b"), split);
    ASSERT_EQ(a.entries.size(), b.entries.size());
    for (size_t i = 0; i < a.entries.size(); ++i) {
      EXPECT_EQ(a.entries[i].id, b.entries[i].id);
      EXPECT_EQ(test::file_bytes(a.entries[i].path),
                test::file_bytes(b.entries[i].path));
    }
  }
}

TEST(SynthPhotosTest, RefuseToMixWithWhatIsThere) {
  const TempDir dir;
  dir.write("val/x", "");
  expect_error<ConfigError>(
      [&] { write_synth_photos(dir.path(), small_photos()); },
      {dir.file("val"), "exists already"});
  EXPECT_FALSE(std::filesystem::exists(dir.file("train")));
}

TEST(SynthPhotosTest, RefuseFieldsOutOfRange) {
  SynthPhotosConfig config;
  config.num_classes = 25;
  expect_error<ConfigError>(
      [&] { config.validate("synth"); },
      {"synth.num_classes = 25", "2 to 24", "nearest: 24"});
  config = {};
  config.size = 8;
  expect_error<ConfigError>([&] { config.validate("synth"); },
                            {"synth.size = 8", "nearest: 16"});
}

TEST(SynthVolumesTest, MaskTheirNodule) {
  SynthVolumesConfig config;
  config.num_classes = 4;
  config.size = 32;
  for (int64_t label = 0; label < 4; ++label) {
    const Phantom phantom = synth_phantom(config, label, 3);
    EXPECT_EQ(phantom.image.shape, phantom.mask.shape);
    EXPECT_EQ(phantom.image.spacing_mm, phantom.mask.spacing_mm);
    double inside = 0.0;
    double outside = 0.0;
    double num_inside = 0.0;
    for (size_t i = 0; i < phantom.mask.voxels.size(); ++i) {
      const double mask = phantom.mask.voxels[i];
      inside += mask * phantom.image.voxels[i];
      outside += (1.0 - mask) * phantom.image.voxels[i];
      num_inside += mask;
    }
    const auto count = static_cast<double>(phantom.mask.voxels.size());
    EXPECT_GT(num_inside, 100.0) << label;
    EXPECT_LT(num_inside, 0.15 * count) << label;
    EXPECT_GT(inside / num_inside, outside / (count - num_inside) + 20.0)
        << label;
  }
}

TEST(SynthVolumesTest, AreWrittenWithTheirLists) {
  const TempDir dir;
  write_synth_volumes(dir.path(), small_volumes());
  const Manifest train = list_volumes_csv(dir.file("train.csv"));
  const Manifest val = list_volumes_csv(dir.file("val.csv"));
  EXPECT_EQ(train.entries.size(), 4U);
  EXPECT_EQ(val.entries.size(), 2U);
  EXPECT_EQ(train.classes, val.classes);
  const std::string& path = train.entries[0].path;
  const Volume image = decode_volume(test::file_bytes(path), path);
  const std::string mask_path = join_path(dir.file("masks"), base_name(path));
  const Volume mask = decode_volume(test::file_bytes(mask_path), mask_path);
  EXPECT_EQ(image.shape, mask.shape);
  const Phantom phantom = synth_phantom(small_volumes(), 0, 0);
  EXPECT_EQ(mask.voxels, phantom.mask.voxels);
  for (size_t i = 0; i < image.voxels.size(); ++i) {
    ASSERT_NEAR(image.voxels[i], phantom.image.voxels[i], 0.501);
  }
}

TEST(SynthVolumesTest, RefuseFieldsOutOfRange) {
  SynthVolumesConfig config;
  config.num_classes = 5;
  expect_error<ConfigError>([&] { config.validate("synth"); },
                            {"synth.num_classes = 5", "nearest: 4"});
}

}  // namespace
}  // namespace voxlift::dataio
