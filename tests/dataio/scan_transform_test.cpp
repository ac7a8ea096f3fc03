// Masks, boxes and draws of the transforms of scans.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "dataio/memory_volume.h"
#include "dataio/transform/box_geometry.h"
#include "dataio/transform/volume_transform.h"
#include "tests/dataio/made_scans.h"
#include "tests/support/expect_error.h"

namespace voxlift::dataio {
namespace {

using test::box_of_mask;
using test::counting_scan;
using test::mask_of_box;
using voxlift::test::expect_error;

struct Made {
  std::vector<float> image;
  std::vector<uint8_t> mask;
  std::vector<LabelledBox> boxes;
  Shape3 content{};

  bool operator==(const Made&) const = default;
};

Made run(const VolumeTransform& transform, const VolumeSource& source,
         uint64_t id, bool wants_mask = true) {
  const SampleShape shape = transform.shape();
  Made made;
  made.image.resize(static_cast<size_t>(shape.num_elements()));
  if (wants_mask) {
    made.mask.resize(static_cast<size_t>(shape.num_voxels()));
  }
  Sample sample;
  sample.image = made.image;
  sample.mask = made.mask;
  RandomStream draws(7, Purpose::kAugment, 3, id);
  Workspace workspace;
  transform.apply(source, draws, workspace, sample);
  made.boxes = sample.boxes;
  made.content = sample.content;
  return made;
}

// Nothing random, values as they are.
VolumeTransformConfig still_config(const Shape3& shape) {
  VolumeTransformConfig config;
  config.shape = shape;
  config.max_shift = 0;
  config.random_flip = config.random_rot90 = false;
  config.normalize = "none";
  return config;
}

constexpr LabelledBox kLesion = {{3, 2, 5}, {6, 6, 7}, 2};

// The image is 1 within the box, the mask, too.
std::unique_ptr<VolumeSource> lesion_source(const Shape3& shape,
                                            const LabelledBox& box = kLesion) {
  Scan scan = counting_scan(shape);
  scan.mask = mask_of_box(shape, box);
  scan.image.voxels.assign(scan.mask.begin(), scan.mask.end());
  scan.boxes = {box};
  return make_memory_volume(std::move(scan), "case 1");
}

std::vector<uint8_t> thresholded(const std::vector<float>& image) {
  std::vector<uint8_t> mask;
  for (const float voxel : image) {
    mask.push_back(voxel > 0.5F ? 1 : 0);
  }
  return mask;
}

// The one box equals that of the mask.
void expect_box_on_mask(const Made& made, const Shape3& shape, uint64_t id) {
  const LabelledBox seen = box_of_mask(made.mask, shape);
  if (made.boxes.empty()) {
    EXPECT_GT(seen.low[0], seen.high[0]) << "draw " << id;
    return;
  }
  ASSERT_EQ(made.boxes.size(), 1U);
  EXPECT_EQ(made.boxes[0].low, seen.low) << "draw " << id;
  EXPECT_EQ(made.boxes[0].high, seen.high) << "draw " << id;
  EXPECT_EQ(made.boxes[0].label, 2);
}

TEST(ScanTransformTest, CarriesMaskAndBoxesThroughCropsFlipsAndTurns) {
  const auto source = lesion_source({10, 9, 11});
  for (const Shape3& shape :
       {Shape3{6, 6, 6}, Shape3{8, 8, 8}, Shape3{14, 5, 14}}) {
    VolumeTransformConfig config = still_config(shape);
    config.crop = "uniform";
    config.random_flip = config.random_rot90 = true;
    config.flip_depth_prob = config.flip_width_prob = 0.5;
    config.min_box_frac = 0.0;
    const auto transform = make_volume_train_transform(config);
    for (uint64_t id = 0; id < 300; ++id) {
      const Made made = run(*transform, *source, id);
      ASSERT_EQ(made.mask, thresholded(made.image)) << "draw " << id;
      expect_box_on_mask(made, shape, id);
      EXPECT_EQ(made.content, shape);
    }
  }
}

TEST(ScanTransformTest, ZoomsImageMaskAndBoxesTogether) {
  const LabelledBox box{{4, 4, 4}, {8, 12, 12}, 2};
  const auto source = lesion_source({16, 16, 16}, box);
  VolumeTransformConfig config = still_config({16, 16, 16});
  config.min_zoom = config.max_zoom = 2.0;
  const Made made = run(*make_volume_train_transform(config), *source, 1);
  // In the plane only: 8 x 8 voxels from (4, 4) fill the sample.
  ASSERT_EQ(made.boxes.size(), 1U);
  EXPECT_EQ(made.boxes[0], (LabelledBox{{4, 0, 0}, {8, 16, 16}, 2}));
  EXPECT_EQ(box_of_mask(made.mask, config.shape),
            (LabelledBox{{4, 0, 0}, {8, 16, 16}, 0}));
  EXPECT_EQ(made.mask, thresholded(made.image));
  config.zoom_axes = "same";
  config.min_zoom = config.max_zoom = 0.5;
  const Made small = run(*make_volume_train_transform(config), *source, 1);
  ASSERT_EQ(small.boxes.size(), 1U);
  EXPECT_EQ(small.boxes[0], (LabelledBox{{6, 6, 6}, {8, 10, 10}, 2}));
  EXPECT_EQ(box_of_mask(small.mask, config.shape).low,
            (std::array<double, 3>{6, 6, 6}));
}

TEST(ScanTransformTest, ZoomsUniformlyBetweenItsLimits) {
  const auto source = make_memory_volume(counting_scan({1, 600, 1}), "ramp");
  VolumeTransformConfig config = still_config({1, 256, 1});
  config.min_zoom = 0.8;
  config.max_zoom = 1.2;
  const auto transform = make_volume_train_transform(config);
  double low = 10.0;
  double high = 0.0;
  double sum = 0.0;
  for (uint64_t id = 0; id < 400; ++id) {
    const Made made = run(*transform, *source, id, false);
    const double zoom = 2.0 / (made.image[128] - made.image[126]);
    low = std::min(low, zoom);
    high = std::max(high, zoom);
    sum += zoom;
  }
  EXPECT_NEAR(low, 0.8, 0.01);
  EXPECT_NEAR(high, 1.2, 0.01);
  EXPECT_NEAR(sum / 400.0, 1.0, 0.02);
}

TEST(ScanTransformTest, ResizesTheMaskToTheNearestVoxel) {
  Scan scan = counting_scan({1, 1, 4});
  scan.mask = {1, 2, 3, 4};
  scan.boxes = {{{0, 0, 1}, {1, 1, 3}, 0}};
  const auto source = make_memory_volume(std::move(scan), "x");
  VolumeTransformConfig config = still_config({2, 1, 8});
  config.fit = "resize";
  const Made made = run(*make_volume_eval_transform(config), *source, 0);
  EXPECT_EQ(made.mask, (std::vector<uint8_t>{1, 1, 2, 2, 3, 3, 4, 4,  //
                                             1, 1, 2, 2, 3, 3, 4, 4}));
  EXPECT_EQ(made.boxes[0], (LabelledBox{{0, 0, 2}, {2, 1, 6}, 0}));
}

TEST(ScanTransformTest, DropsBoxesOfWhichTooLittleIsLeft) {
  const LabelledBox box{{0, 0, 0}, {4, 4, 4}, 0};
  EXPECT_EQ(keep_boxes({box}, {4, 4, 1}, 0.25).size(), 1U);
  EXPECT_EQ(keep_boxes({box}, {4, 4, 1}, 0.26).size(), 0U);
  EXPECT_EQ(keep_boxes({{{5, 5, 5}, {6, 6, 6}, 0}}, {4, 4, 4}, 0.0).size(), 0U);
  EXPECT_EQ(keep_boxes({{{NAN, 0, 0}, {1, 1, 1}, 0}}, {4, 4, 4}, 0.0).size(),
            0U);
  EXPECT_EQ(keep_boxes({box}, {4, 3, 9}, 0.0)[0],
            (LabelledBox{{0, 0, 0}, {4, 3, 4}, 0}));
}

TEST(ScanTransformTest, CropsAroundTheForegroundAsOftenAsAsked) {
  // One foreground voxel in a corner: a uniform crop hardly meets it.
  const auto source =
      lesion_source({40, 40, 40}, {{39, 39, 39}, {40, 40, 40}, 0});
  VolumeTransformConfig config = still_config({4, 4, 4});
  config.crop = "uniform";
  config.max_shift = 1;
  const auto share = [&](double frac) {
    config.foreground_frac = frac;
    const auto transform = make_volume_train_transform(config);
    int num_hits = 0;
    for (uint64_t id = 0; id < 1000; ++id) {
      const auto mask = run(*transform, *source, id).mask;
      num_hits += std::count(mask.begin(), mask.end(), 1) > 0 ? 1 : 0;
    }
    return num_hits / 1000.0;
  };
  EXPECT_LT(share(0.0), 0.01);
  EXPECT_NEAR(share(0.33), 0.33, 0.05);
  EXPECT_EQ(share(1.0), 1.0);
}

TEST(ScanTransformTest, DrawsForegroundVoxelsUniformly) {
  Scan scan = counting_scan({1, 1, 64});
  scan.mask.assign(64, 0);
  for (const size_t i : {0U, 20U, 40U, 63U}) {
    scan.mask[i] = static_cast<uint8_t>(i + 1);
  }
  const auto source = make_memory_volume(std::move(scan), "x");
  VolumeTransformConfig config = still_config({1, 1, 9});
  config.foreground_frac = 1.0;
  config.max_shift = 100;  // Never so far that the voxel is lost.
  const auto transform = make_volume_train_transform(config);
  std::map<uint8_t, int> counts;
  for (uint64_t id = 0; id < 2000; ++id) {
    const auto mask = run(*transform, *source, id).mask;
    ++counts[*std::max_element(mask.begin(), mask.end())];
  }
  ASSERT_EQ(counts.size(), 4U);
  for (const auto& [label, count] : counts) {
    EXPECT_NEAR(count, 500, 80) << int{label};
  }
}

TEST(ScanTransformTest, CropsAsUsualWhereTheMaskIsEmpty) {
  Scan scan = counting_scan({5, 5, 5});
  scan.mask.assign(125, 0);
  const auto source = make_memory_volume(std::move(scan), "x");
  VolumeTransformConfig config = still_config({3, 3, 3});
  config.foreground_frac = 1.0;
  EXPECT_EQ(run(*make_volume_train_transform(config), *source, 4),
            run(*make_volume_eval_transform(config), *source, 4));
}

TEST(ScanTransformTest, RefusesScansWithoutTheMaskThatIsWanted) {
  const auto source = make_memory_volume(counting_scan({3, 3, 3}), "case 9");
  VolumeTransformConfig config = still_config({3, 3, 3});
  expect_error<DataError>(
      [&] { run(*make_volume_eval_transform(config), *source, 0); },
      {"case 9: has no mask"});
  config.foreground_frac = 0.5;
  expect_error<DataError>(
      [&] { run(*make_volume_train_transform(config), *source, 0, false); },
      {"case 9: has no mask", "0.5 of the crops"});
}

TEST(ScanTransformTest, CropsAnywhereWithEqualProbability) {
  const auto source = make_memory_volume(counting_scan({1, 1, 10}), "x");
  VolumeTransformConfig config = still_config({1, 1, 4});
  config.crop = "uniform";
  const auto transform = make_volume_train_transform(config);
  std::map<float, int> counts;
  for (uint64_t id = 0; id < 2100; ++id) {
    ++counts[run(*transform, *source, id, false).image[0]];
  }
  ASSERT_EQ(counts.size(), 7U);
  for (const auto& [first, count] : counts) {
    EXPECT_NEAR(count, 300, 70) << first;
  }
}

TEST(ScanTransformTest, MirrorsEachAxisWithItsProbability) {
  const auto source = make_memory_volume(counting_scan({2, 2, 2}), "x");
  VolumeTransformConfig config = still_config({2, 2, 2});
  config.flip_depth_prob = 0.5;
  config.flip_width_prob = 0.1;
  const auto transform = make_volume_train_transform(config);
  std::map<float, int> counts;  // By what came to the first place.
  for (uint64_t id = 0; id < 2000; ++id) {
    ++counts[run(*transform, *source, id, false).image[0]];
  }
  EXPECT_EQ(counts.count(2.0F), 0U);  // Height is never mirrored.
  EXPECT_NEAR(counts[4] + counts[5], 1000, 90);
  EXPECT_NEAR(counts[1] + counts[5], 200, 60);
}

TEST(ScanTransformTest, TurnsInTheNamedPlanesOnly) {
  const auto source = make_memory_volume(counting_scan({3, 3, 3}), "x");
  VolumeTransformConfig config = still_config({3, 3, 3});
  config.random_rot90 = true;
  config.rot90_planes = {"hw"};
  const auto transform = make_volume_train_transform(config);
  std::map<float, int> counts;
  for (uint64_t id = 0; id < 200; ++id) {
    ++counts[run(*transform, *source, id, false).image[0]];
  }
  EXPECT_EQ(counts.size(), 4U);
  EXPECT_LT(counts.rbegin()->first, 9.0F);  // Of the first slice.
}

TEST(ScanTransformTest, OneKindOfDrawDoesNotChangeAnother) {
  const auto source = lesion_source({24, 24, 24});
  VolumeTransformConfig config = still_config({8, 8, 8});
  config.max_shift = 8;
  config.random_flip = config.random_rot90 = true;
  const auto plain = make_volume_train_transform(config);
  config.jitter.shift = 0.25;
  const auto shifted = make_volume_train_transform(config);
  for (uint64_t id = 0; id < 50; ++id) {
    const Made a = run(*plain, *source, id);
    const Made b = run(*shifted, *source, id);
    EXPECT_EQ(a.mask, b.mask);
    EXPECT_EQ(a.boxes, b.boxes);
    const float shift = b.image[0] - a.image[0];
    EXPECT_LE(std::abs(shift), 0.25F);
    for (size_t i = 0; i < a.image.size(); ++i) {
      ASSERT_NEAR(b.image[i] - a.image[i], shift, 1e-6);
    }
  }
}

VolumeTransformConfig busy_config() {
  VolumeTransformConfig config;
  config.shape = {12, 16, 16};
  config.crop = "uniform";
  config.foreground_frac = 0.5;
  config.min_zoom = 0.7;
  config.max_zoom = 1.4;
  config.zoom_axes = "free";
  config.flip_height_prob = 0.5;
  config.elastic.prob = 0.5;
  config.jitter = {1.5, 0.1, 0.1, 0.05};
  config.min_box_frac = 0.0;
  return config;
}

TEST(ScanTransformTest, GivesTheSameForTheSameDraws) {
  const auto source = lesion_source({20, 20, 20});
  const auto transform = make_volume_train_transform(busy_config());
  int num_different = 0;
  for (uint64_t id = 0; id < 40; ++id) {
    const Made made = run(*transform, *source, id);
    EXPECT_EQ(made, run(*transform, *source, id));
    num_different += made == run(*transform, *source, id + 1) ? 0 : 1;
  }
  EXPECT_EQ(num_different, 40);
}

TEST(ScanTransformTest, TakesScansOfOneVoxelAndOddShapes) {
  for (const Shape3& shape : {Shape3{1, 1, 1}, Shape3{1, 40, 2}}) {
    Scan scan = counting_scan(shape);
    scan.mask.assign(scan.image.voxels.size(), 1);
    const auto source = make_memory_volume(std::move(scan), "x");
    VolumeTransformConfig config = busy_config();
    config.elastic.prob = 1.0;
    for (uint64_t id = 0; id < 20; ++id) {
      const Made made = run(*make_volume_train_transform(config), *source, id);
      for (const float voxel : made.image) {
        ASSERT_TRUE(std::isfinite(voxel));
      }
    }
  }
}

TEST(ScanTransformTest, DeformsImageAndMaskTogether) {
  const LabelledBox box{{8, 8, 8}, {24, 24, 24}, 2};
  const auto source = lesion_source({32, 32, 32}, box);
  VolumeTransformConfig config = still_config({32, 32, 32});
  config.elastic.prob = 1.0;
  config.elastic.points = 3;
  config.elastic.max_voxels = 2.5;
  const auto transform = make_volume_train_transform(config);
  for (uint64_t id = 0; id < 5; ++id) {
    const Made made = run(*transform, *source, id);
    // Both show places within half a voxel of each other: only voxels at the
    // surface of the cube can differ.
    int64_t num_different = 0;
    int64_t num_moved = 0;
    const auto still = mask_of_box({32, 32, 32}, box);
    for (size_t i = 0; i < made.mask.size(); ++i) {
      num_different += made.mask[i] == (made.image[i] > 0.5F ? 1 : 0) ? 0 : 1;
      num_moved += made.mask[i] == still[i] ? 0 : 1;
      if (made.image[i] == 0.0F) {
        ASSERT_EQ(made.mask[i], 0);
      }
      if (made.image[i] == 1.0F) {
        ASSERT_EQ(made.mask[i], 1);
      }
    }
    EXPECT_LT(num_different, 120);  // Of 1352 at the surface.
    EXPECT_GT(num_moved, 100);
    expect_box_on_mask(made, config.shape, id);
  }
}

TEST(ScanTransformTest, DeformationsNeverFold) {
  ElasticConfig config;
  config.max_voxels = 100.0;  // Limited to a sixth of the points' distance.
  const Shape3 shape = {31, 1, 16};
  for (uint64_t id = 0; id < 50; ++id) {
    RandomStream draws(7, Purpose::kAugment, 0, id);
    const ElasticField field(config, shape, draws);
    EXPECT_DOUBLE_EQ(field.reach()[0], 30.0 / 3.0 / 6.0);
    EXPECT_EQ(field.reach()[1], 0.0);
    for (int64_t d = 0; d + 1 < shape[0]; ++d) {
      for (int64_t w = 0; w < shape[2]; ++w) {
        const double step =
            1.0 + field.at({d + 1, 0, w})[0] - field.at({d, 0, w})[0];
        ASSERT_GT(step, 0.5);
      }
    }
  }
}

TEST(ScanTransformTest, JittersWithinItsLimits) {
  const std::vector<float> line = {0.0F, 0.5F, 1.0F};
  double low_gamma = 10.0;
  double high_gamma = 0.0;
  for (uint64_t id = 0; id < 500; ++id) {
    const AugmentStreams streams(RandomStream(7, Purpose::kAugment, 3, id));
    std::vector<float> bent = line;
    jitter_intensity({.gamma = 2.0}, streams, bent);
    EXPECT_EQ(bent[0], 0.0F);
    EXPECT_EQ(bent[2], 1.0F);
    const double gamma = std::log(bent[1]) / std::log(0.5);
    low_gamma = std::min(low_gamma, gamma);
    high_gamma = std::max(high_gamma, gamma);
    std::vector<float> scaled = line;
    jitter_intensity({.scale = 0.2}, streams, scaled);
    EXPECT_EQ(scaled[0], 0.0F);
    EXPECT_NEAR(scaled[2], 1.0, 0.2001);
    std::vector<float> still = line;
    jitter_intensity({}, streams, still);
    EXPECT_EQ(still, line);
  }
  EXPECT_NEAR(low_gamma, 0.5, 0.02);
  EXPECT_NEAR(high_gamma, 2.0, 0.08);
}

TEST(ScanTransformTest, AddsNoiseOfTheDrawnDeviation) {
  double largest = 0.0;
  for (uint64_t id = 0; id < 100; ++id) {
    std::vector<float> zeros(4000, 0.0F);
    jitter_intensity({.noise = 0.5},
                     AugmentStreams(RandomStream(7, Purpose::kAugment, 3, id)),
                     zeros);
    const VoxelMoments moments = measure_voxels(zeros);
    EXPECT_NEAR(moments.mean, 0.0, 0.05);
    EXPECT_LT(moments.std, 0.53);
    largest = std::max(largest, moments.std);
  }
  EXPECT_GT(largest, 0.45);
}

std::vector<float> normalised(const VolumeTransformConfig& config,
                              const std::vector<float>& voxels) {
  Scan scan = counting_scan({1, 1, static_cast<int64_t>(voxels.size())});
  scan.image.voxels = voxels;
  const auto source = make_memory_volume(std::move(scan), "x");
  return run(*make_volume_eval_transform(config), *source, 0, false).image;
}

TEST(ScanTransformTest, NormalisesAndClipsAsAsked) {
  VolumeTransformConfig config = still_config({1, 1, 4});
  EXPECT_EQ(normalised(config, {10, 20, 30, 50}),
            (std::vector<float>{10, 20, 30, 50}));
  config.normalize = "minmax";
  EXPECT_EQ(normalised(config, {10, 20, 30, 50}),
            (std::vector<float>{0, 0.25F, 0.5F, 1}));
  config.clip_low = 20;
  config.clip_high = 30;
  EXPECT_EQ(normalised(config, {10, 20, 25, 50}),
            (std::vector<float>{0, 0, 0.5F, 1}));
  config.normalize = "fixed";
  config.mean = 20;
  config.std = 5;
  EXPECT_EQ(normalised(config, {10, 20, 25, 50}),
            (std::vector<float>{0, 0, 1, 2}));
}

TEST(ScanTransformTest, FillsBeyondTheScan) {
  VolumeTransformConfig config = still_config({1, 1, 4});
  config.normalize = "fixed";
  config.mean = 20;
  config.std = 5;
  EXPECT_EQ(normalised(config, {10, 30}), (std::vector<float>{0, -2, 2, 0}));
  config.outside = "min";
  EXPECT_EQ(normalised(config, {10, 30}), (std::vector<float>{-2, -2, 2, -2}));
}

template <typename Change>
void expect_refused(Change change, std::initializer_list<std::string> parts) {
  VolumeTransformConfig config;
  change(config);
  expect_error<ConfigError>([&] { config.validate("volume"); }, parts);
}

TEST(ScanTransformTest, RefusesOptionsOutOfRange) {
  expect_refused([](auto& c) { c.crop = "centre"; },
                 {"volume.crop = 'centre'", "nearest: center"});
  expect_refused([](auto& c) { c.foreground_frac = 1.5; },
                 {"volume.foreground_frac = 1.5", "nearest: 1"});
  expect_refused([](auto& c) { c.min_zoom = 0.0; },
                 {"volume.min_zoom = 0", "nearest: 0.25"});
  expect_refused([](auto& c) { c.min_zoom = 2.0; },
                 {"volume.min_zoom = 2", "more than volume.max_zoom = 1"});
  expect_refused([](auto& c) { c.zoom_axes = "all"; },
                 {"volume.zoom_axes = 'all'", "inplane or same or free"});
  expect_refused(
      [](auto& c) {
        c.fit = "resize";
        c.crop = "uniform";
      },
      {"volume.fit = 'resize'", "want crop = center"});
  expect_refused(
      [](auto& c) {
        c.rot90_planes = {"dh", "wh"};
      },
      {"volume.rot90_planes = 'wh'"});
  expect_refused([](auto& c) { c.flip_width_prob = -1; },
                 {"volume.flip_width_prob = -1"});
  expect_refused([](auto& c) { c.elastic.prob = 2; },
                 {"volume.elastic_prob = 2"});
  expect_refused([](auto& c) { c.elastic.points = 1; },
                 {"volume.elastic_points = 1", "2 to 16"});
  expect_refused([](auto& c) { c.elastic.max_voxels = NAN; },
                 {"volume.elastic_max_voxels = nan"});
  expect_refused([](auto& c) { c.jitter.gamma = 0.5; },
                 {"volume.jitter_gamma = 0.5", "nearest: 1"});
  expect_refused([](auto& c) { c.jitter.scale = 2; },
                 {"volume.jitter_scale = 2"});
  expect_refused([](auto& c) { c.jitter.shift = -1; },
                 {"volume.jitter_shift = -1"});
  expect_refused([](auto& c) { c.jitter.noise = -1; },
                 {"volume.jitter_noise = -1"});
  expect_refused([](auto& c) { c.min_box_frac = 2; },
                 {"volume.min_box_frac = 2"});
  expect_refused([](auto& c) { c.clip_low = 0; },
                 {"volume.normalize = 'zscore'", "fixed, minmax or none"});
  expect_refused(
      [](auto& c) {
        c.normalize = "none";
        c.clip_low = 5;
        c.clip_high = 4;
      },
      {"volume.clip_low = 5", "more than volume.clip_high = 4"});
  expect_refused([](auto& c) { c.outside = "mean"; },
                 {"volume.outside = 'mean'"});
}

}  // namespace
}  // namespace voxlift::dataio
