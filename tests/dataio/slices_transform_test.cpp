#include "dataio/transform/slices_transform.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "dataio/memory_volume.h"
#include "tests/dataio/made_scans.h"
#include "tests/support/expect_error.h"

namespace voxlift::dataio {
namespace {

using test::counting_scan;
using voxlift::test::expect_error;

// Values pass through: the window is 0 to 255.
SlicesTransformConfig plain_config(int64_t num_slices, int64_t side) {
  SlicesTransformConfig config;
  config.num_slices = num_slices;
  config.window_low = 0.0;
  config.window_high = 255.0;
  config.mean = 0.0;
  config.std = 1.0;
  config.train_sides = {side};
  config.eval_side = side;
  config.flip_prob = config.zflip_prob = 0.0;
  return config;
}

// Slice d is constantly 10 * d.
Scan step_scan(const Shape3& shape, double spacing_mm, int64_t key_slice) {
  Scan scan = counting_scan(shape);
  scan.image.spacing_mm[0] = spacing_mm;
  scan.key_slice = key_slice;
  test::for_each_voxel(shape, [&](size_t i, const Shape3& at) {
    scan.image.voxels[i] = 10.0F * static_cast<float>(at[0]);
  });
  return scan;
}

struct Made {
  std::vector<float> image;
  std::vector<LabelledBox> boxes;
  Shape3 content{};
};

Made run(const VolumeTransform& transform, const Scan& scan, uint64_t id = 0) {
  Made made;
  made.image.resize(static_cast<size_t>(transform.shape().num_elements()));
  Sample sample;
  sample.image = made.image;
  RandomStream draws(7, Purpose::kAugment, 3, id);
  Workspace workspace;
  transform.apply(*make_memory_volume(scan, "case 5"), draws, workspace,
                  sample);
  made.boxes = sample.boxes;
  made.content = sample.content;
  return made;
}

// The first pixel of every slice.
std::vector<float> heads(const VolumeTransform& transform, const Made& made) {
  const SampleShape shape = transform.shape();
  std::vector<float> heads;
  for (int64_t d = 0; d < shape.depth; ++d) {
    heads.push_back(
        made.image[static_cast<size_t>(d * shape.height * shape.width)]);
  }
  return heads;
}

std::vector<float> eval_heads(const SlicesTransformConfig& config,
                              const Scan& scan) {
  const auto transform = make_slices_eval_transform(config);
  return heads(*transform, run(*transform, scan));
}

// 2.5 mm between the slices of a 2 mm series: places 10 + 1.25 p. The mistake
// of taking p = 1's weights for every p would give 112.5, 122.5, 132.5, ...
TEST(SlicesTransformTest, WeighsEachNeighbourByItsOwnPlace) {
  EXPECT_EQ(eval_heads(plain_config(9, 4), step_scan({21, 4, 4}, 2.0, 10)),
            (std::vector<float>{50, 62.5F, 75, 87.5F, 100, 112.5F, 125, 137.5F,
                                150}));
}

TEST(SlicesTransformTest, FollowsThePublishedSpacings) {
  EXPECT_EQ(eval_heads(plain_config(5, 4), step_scan({21, 4, 4}, 1.0, 10)),
            (std::vector<float>{50, 75, 100, 125, 150}));
  EXPECT_EQ(eval_heads(plain_config(5, 4), step_scan({21, 4, 4}, 5.0, 10)),
            (std::vector<float>{90, 95, 100, 105, 110}));
}

TEST(SlicesTransformTest, RepeatsTheEndsOfTheScan) {
  EXPECT_EQ(eval_heads(plain_config(5, 4), step_scan({3, 4, 4}, 2.5, 0)),
            (std::vector<float>{0, 0, 0, 10, 20}));
  EXPECT_EQ(eval_heads(plain_config(3, 4), step_scan({1, 4, 4}, 1e-320, 0)),
            (std::vector<float>{0, 0, 0}));
}

TEST(SlicesTransformTest, TakesTheScansOwnSlicesForAnIntervalOfZero) {
  SlicesTransformConfig config = plain_config(3, 4);
  config.interval_mm = 0.0;
  EXPECT_EQ(eval_heads(config, step_scan({9, 4, 4}, 7.0, 4)),
            (std::vector<float>{30, 40, 50}));
}

TEST(SlicesTransformTest, HasOneMoreSliceAfterTheKeyInBothOrders) {
  SlicesTransformConfig config = plain_config(4, 4);
  config.interval_mm = 0.0;
  config.zflip_prob = 0.5;
  const auto transform = make_slices_train_transform(config);
  std::map<std::vector<float>, int> counts;
  for (uint64_t id = 0; id < 400; ++id) {
    ++counts[heads(*transform,
                   run(*transform, step_scan({9, 4, 4}, 1, 4), id))];
  }
  ASSERT_EQ(counts.size(), 2U);
  EXPECT_NEAR((counts[{30, 40, 50, 60}]), 200, 50);
  EXPECT_NEAR((counts[{50, 40, 30, 20}]), 200, 50);
}

TEST(SlicesTransformTest, WindowsAndNormalises) {
  SlicesTransformConfig config;
  config.num_slices = 1;
  config.eval_side = 1;
  Scan scan = counting_scan({1, 1, 1});
  scan.key_slice = 0;
  const auto value = [&](float hounsfield) {
    scan.image.voxels = {hounsfield};
    return eval_heads(config, scan)[0];
  };
  EXPECT_FLOAT_EQ(value(-3000), -123.675F / 58.395F);
  EXPECT_FLOAT_EQ(value(13), (127.5F - 123.675F) / 58.395F);
  EXPECT_FLOAT_EQ(value(3000), (255.0F - 123.675F) / 58.395F);
}

TEST(SlicesTransformTest, MixesBeforeItWindows) {
  SlicesTransformConfig config = plain_config(1, 1);
  config.num_slices = 3;
  config.interval_mm = 0.5;
  Scan scan = counting_scan({2, 1, 1});
  scan.key_slice = 0;
  scan.image.voxels = {-100, 300};  // The mean is 100; windowed first, 127.5.
  EXPECT_EQ(eval_heads(config, scan), (std::vector<float>{0, 0, 100}));
}

TEST(SlicesTransformTest, ResizesTheLongerSideAndPadsToTheCanvas) {
  SlicesTransformConfig config = plain_config(1, 8);
  Scan scan = counting_scan({1, 2, 4});
  scan.key_slice = 0;
  const auto transform = make_slices_eval_transform(config);
  EXPECT_EQ(transform->shape(), (SampleShape{1, 1, 32, 32}));
  const Made made = run(*transform, scan);
  EXPECT_EQ(made.content, (Shape3{1, 4, 8}));
  const auto row = [&](size_t h) {
    return std::vector<float>(
        made.image.begin() + static_cast<int64_t>(32 * h),
        made.image.begin() + static_cast<int64_t>(32 * h + 9));
  };
  EXPECT_EQ(row(0), (std::vector<float>{0, 0.25F, 0.75F, 1.25F, 1.75F, 2.25F,
                                        2.75F, 3, 0}));
  EXPECT_EQ(row(1), (std::vector<float>{1, 1.25F, 1.75F, 2.25F, 2.75F, 3.25F,
                                        3.75F, 4, 0}));
  EXPECT_EQ(row(4), std::vector<float>(9, 0.0F));
}

TEST(SlicesTransformTest, CarriesBoxesThroughScalesAndMirrorings) {
  SlicesTransformConfig config = plain_config(5, 60);
  config.train_sides = {40, 60, 80};
  config.flip_prob = 0.5;
  const LabelledBox lesion{{4, 8, 2}, {5, 12, 10}, 3};
  Scan scan = step_scan({9, 16, 20}, 2.5, 4);
  scan.boxes = {lesion, {{5, 0, 0}, {6, 9, 9}, 1}};  // Not on the key slice.
  scan.image.voxels.assign(scan.image.voxels.size(), 0.0F);
  test::for_each_voxel(scan.image.shape, [&](size_t i, const Shape3& at) {
    const bool inside =
        at[0] == 4 && at[1] >= 8 && at[1] < 12 && at[2] >= 2 && at[2] < 10;
    scan.image.voxels[i] = inside ? 200.0F : 0.0F;
  });
  const auto transform = make_slices_train_transform(config);
  EXPECT_EQ(transform->shape(), (SampleShape{1, 5, 96, 96}));
  std::set<std::array<double, 3>> seen;
  for (uint64_t id = 0; id < 60; ++id) {
    const Made made = run(*transform, scan, id);
    ASSERT_EQ(made.boxes.size(), 1U);
    EXPECT_EQ(made.boxes[0].label, 3);
    std::vector<uint8_t> bright;
    for (const float value : made.image) {
      bright.push_back(value >= 100.0F ? 1 : 0);
    }
    const LabelledBox spot = test::box_of_mask(bright, {5, 96, 96});
    EXPECT_EQ(made.boxes[0].low, spot.low) << id;
    EXPECT_EQ(made.boxes[0].high, spot.high) << id;
    EXPECT_EQ(made.content[1] * 20, made.content[2] * 16);
    seen.insert(made.boxes[0].low);
  }
  EXPECT_EQ(seen.size(), 6U);  // Three sides, mirrored or not.
}

TEST(SlicesTransformTest, RefusesScansWithoutKeySliceOrSpacing) {
  const auto transform = make_slices_eval_transform(plain_config(3, 4));
  expect_error<DataError>(
      [&] {
        run(*transform, step_scan({3, 4, 4}, 1.0, -1));
      },
      {"case 5: key slice -1, want 0 to 2"});
  expect_error<DataError>(
      [&] {
        run(*transform, step_scan({3, 4, 4}, 1.0, 3));
      },
      {"case 5: key slice 3, want 0 to 2"});
  for (const double spacing : {0.0, -1.0, static_cast<double>(NAN)}) {
    expect_error<DataError>(
        [&] {
          run(*transform, step_scan({3, 4, 4}, spacing, 1));
        },
        {"case 5: spacing of", "along depth, want more than 0"});
  }
}

template <typename Change>
void expect_refused(Change change, std::initializer_list<std::string> parts) {
  SlicesTransformConfig config;
  change(config);
  expect_error<ConfigError>([&] { config.validate("slices"); }, parts);
}

TEST(SlicesTransformTest, RefusesOptionsOutOfRange) {
  SlicesTransformConfig().validate("slices");
  expect_refused([](auto& c) { c.num_slices = 0; }, {"slices.num_slices = 0"});
  expect_refused([](auto& c) { c.interval_mm = -1; },
                 {"slices.interval_mm = -1"});
  expect_refused([](auto& c) { c.window_low = 1050; },
                 {"slices.window_low = 1050", "not less than"});
  expect_refused([](auto& c) { c.window_high = NAN; },
                 {"slices.window_high = nan"});
  expect_refused([](auto& c) { c.mean = INFINITY; }, {"slices.mean = inf"});
  expect_refused([](auto& c) { c.std = 0; }, {"slices.std = 0"});
  expect_refused([](auto& c) { c.train_sides = {}; },
                 {"slices.train_sides is empty"});
  expect_refused([](auto& c) { c.train_sides = {5000}; },
                 {"slices.train_sides = 5000", "nearest: 4096"});
  expect_refused([](auto& c) { c.eval_side = 0; }, {"slices.eval_side = 0"});
  expect_refused([](auto& c) { c.flip_prob = 2; }, {"slices.flip_prob = 2"});
  expect_refused([](auto& c) { c.zflip_prob = 2; }, {"slices.zflip_prob = 2"});
  expect_refused([](auto& c) { c.min_box_frac = 2; },
                 {"slices.min_box_frac = 2"});
}

}  // namespace
}  // namespace voxlift::dataio
