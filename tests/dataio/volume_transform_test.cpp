#include "dataio/transform/volume_transform.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "dataio/decode/decoder.h"
#include "dataio/encode/nifti_writer.h"
#include "dataio/memory_volume.h"
#include "dataio/transform/fit_volume.h"
#include "dataio/transform/orientation.h"
#include "tests/dataio/made_files.h"
#include "tests/support/expect_error.h"

namespace voxlift::dataio {
namespace {

using test::Bytes;
using voxlift::test::expect_error;

RandomStream draws_of(uint64_t id) {
  return {7, Purpose::kAugment, 3, id};
}

Volume counting_volume(const Shape3& shape) {
  Volume volume;
  volume.shape = shape;
  volume.voxels.resize(static_cast<size_t>(volume.num_voxels()));
  std::iota(volume.voxels.begin(), volume.voxels.end(), 0.0F);
  return volume;
}

Bytes counting_file(const Shape3& shape) {
  return encode_nifti_gz(counting_volume(shape), VoxelType::kFloat32);
}

VolumeTransformConfig plain_config(const Shape3& shape) {
  VolumeTransformConfig config;
  config.shape = shape;
  config.normalize = "fixed";
  config.mean = 0.0;
  config.std = 1.0;
  return config;
}

// The part of a volume that begins at `start`.
void crop_volume(const Volume& volume, const Shape3& start,
                 const Shape3& length, std::span<float> out) {
  Workspace workspace;
  read_padded_image(*make_memory_volume(volume, {}, "x"), {start, length}, 0.0F,
                    workspace, out);
}

std::vector<float> run(const VolumeTransform& transform, const Bytes& bytes,
                       uint64_t id = 0) {
  std::vector<float> out(static_cast<size_t>(transform.shape().num_elements()));
  RandomStream draws = draws_of(id);
  Workspace workspace;
  Sample sample;
  sample.image = out;
  const auto source =
      make_memory_volume(decode_volume(bytes, "x.nii.gz"), {}, "x.nii.gz");
  transform.apply(*source, draws, workspace, sample);
  return out;
}

std::vector<float> turned(const Orientation& orientation,
                          const Volume& volume) {
  std::vector<float> out(volume.voxels.size());
  orientation.apply(volume.voxels, volume.shape, out);
  return out;
}

// numpy.rot90(numpy.arange(6).reshape(1, 2, 3), k, (1, 2)).ravel()
TEST(OrientationTest, TurnsLikeNumpy) {
  const Volume volume = counting_volume({1, 2, 3});
  const std::map<int, std::vector<float>> wanted = {{0, {0, 1, 2, 3, 4, 5}},
                                                    {1, {2, 5, 1, 4, 0, 3}},
                                                    {2, {5, 4, 3, 2, 1, 0}},
                                                    {3, {3, 0, 4, 1, 5, 2}}};
  for (const auto& [quarters, values] : wanted) {
    Orientation orientation;
    orientation.rotate90(1, 2, quarters);
    EXPECT_EQ(turned(orientation, volume), values) << quarters;
  }
  Orientation quarter;
  quarter.rotate90(1, 2, 1);
  EXPECT_EQ(quarter.apply(volume.shape), (Shape3{1, 3, 2}));
}

// numpy.rot90(numpy.arange(8).reshape(2, 2, 2), 1, (0, 1)).ravel()
TEST(OrientationTest, TurnsInThePlaneOfTheFirstAxes) {
  Orientation orientation;
  orientation.rotate90(0, 1, 1);
  EXPECT_EQ(turned(orientation, counting_volume({2, 2, 2})),
            (std::vector<float>{2, 3, 6, 7, 0, 1, 4, 5}));
}

TEST(OrientationTest, ComposesAsOneStepAfterTheOther) {
  const Volume cube = counting_volume({3, 3, 3});
  for (int i = 0; i < 64; ++i) {
    Orientation all;
    Volume step = cube;
    const auto apply_also = [&](auto change) {
      change(all);
      Orientation one;
      change(one);
      step.voxels = turned(one, step);
    };
    apply_also([&](Orientation& o) { o.rotate90(0, 1, i % 4); });
    apply_also([&](Orientation& o) { o.rotate90(0, 2, i / 4 % 4); });
    apply_also([&](Orientation& o) { o.rotate90(1, 2, i / 16); });
    apply_also([&](Orientation& o) { o.flip(static_cast<size_t>(i % 3)); });
    ASSERT_EQ(turned(all, cube), step.voxels) << i;
  }
}

TEST(FitVolumeTest, CropsTheCentre) {
  EXPECT_EQ(center_start({80, 80, 80}, {48, 48, 48}), (Shape3{16, 16, 16}));
  std::vector<float> out(1);
  const Volume volume = counting_volume({3, 3, 3});
  crop_volume(volume, center_start(volume.shape, {1, 1, 1}), {1, 1, 1}, out);
  EXPECT_EQ(out[0], 13.0F);
}

TEST(FitVolumeTest, PadsWithZerosWhereTheScanIsSmaller) {
  Volume volume = counting_volume({1, 1, 2});
  volume.voxels = {5, 6};
  std::vector<float> out(12, -1.0F);
  crop_volume(volume, center_start(volume.shape, {1, 3, 4}), {1, 3, 4}, out);
  EXPECT_EQ(out, (std::vector<float>{0, 0, 0, 0, 0, 5, 6, 0, 0, 0, 0, 0}));
}

TEST(FitVolumeTest, LeavesZerosWhereTheCropMissesTheScan) {
  const Volume volume = counting_volume({2, 2, 2});
  std::vector<float> out(8, -1.0F);
  crop_volume(volume, {0, 0, 5}, {2, 2, 2}, out);
  EXPECT_EQ(out, std::vector<float>(8, 0.0F));
}

TEST(FitVolumeTest, ShiftsUniformlyWithinTheScan) {
  std::map<int64_t, int> counts;
  for (uint64_t id = 0; id < 3300; ++id) {
    RandomStream draws = draws_of(id);
    const Shape3 start = draw_start({80, 48, 40}, {48, 48, 48}, 5, draws);
    ++counts[start[0]];
    ASSERT_EQ(start[1], 0);  // No room.
    ASSERT_GE(start[2], -8);
    ASSERT_LE(start[2], 0);
  }
  ASSERT_EQ(counts.size(), 11U);
  EXPECT_EQ(counts.begin()->first, 11);
  for (const auto& [start, count] : counts) {
    EXPECT_NEAR(count, 300, 75) << start;
  }
}

TEST(FitVolumeTest, ResamplesTrilinearly) {
  Volume volume = counting_volume({2, 1, 2});
  volume.voxels = {0, 100, 200, 300};
  std::vector<float> out(16);
  resize_volume(volume, {4, 1, 4}, out);
  EXPECT_EQ(out, (std::vector<float>{0, 25, 75, 100, 50, 75, 125, 150, 150, 175,
                                     225, 250, 200, 225, 275, 300}));
}

TEST(VolumeTransformTest, NormalisesToZeroMeanAndUnitDeviation) {
  VolumeTransformConfig config;
  config.shape = {4, 5, 6};
  const auto out =
      run(*make_volume_eval_transform(config), counting_file({4, 5, 6}));
  const double count = static_cast<double>(out.size());
  const double mean = std::accumulate(out.begin(), out.end(), 0.0) / count;
  double squares = 0.0;
  for (const float value : out) {
    squares += value * value;
  }
  EXPECT_NEAR(mean, 0.0, 1e-6);
  EXPECT_NEAR(squares / count, 1.0, 1e-5);
}

TEST(VolumeTransformTest, UsesFixedConstants) {
  VolumeTransformConfig config;
  config.shape = {1, 1, 2};
  config.normalize = "fixed";
  const auto out =
      run(*make_volume_eval_transform(config), counting_file({1, 1, 2}));
  EXPECT_FLOAT_EQ(out[0], -99.0F / 77.0F);
  EXPECT_FLOAT_EQ(out[1], -98.0F / 77.0F);
}

TEST(VolumeTransformTest, MakesAConstantScanZero) {
  Volume volume = counting_volume({2, 2, 2});
  std::fill(volume.voxels.begin(), volume.voxels.end(), 42.0F);
  VolumeTransformConfig config;
  config.shape = {2, 2, 2};
  EXPECT_EQ(run(*make_volume_eval_transform(config),
                encode_nifti_gz(volume, VoxelType::kFloat32)),
            std::vector<float>(8, 0.0F));
}

TEST(VolumeTransformTest, RejectsVoxelsThatAreNotFinite) {
  Volume volume = counting_volume({2, 2, 2});
  volume.voxels[3] = NAN;
  volume.voxels[4] = INFINITY;
  const Bytes bytes = encode_nifti_gz(volume, VoxelType::kFloat32);
  expect_error<DataError>([&] { run(*make_volume_eval_transform({}), bytes); },
                          {"x.nii.gz", "2 of 8 voxels", "NaN or infinite"});
}

TEST(VolumeTransformTest, TurnsAndMirrorsInTraining) {
  VolumeTransformConfig config = plain_config({3, 3, 3});
  const Bytes bytes = counting_file({3, 3, 3});
  const auto transform = make_volume_train_transform(config);
  std::set<std::vector<float>> seen;
  for (uint64_t id = 0; id < 1500; ++id) {
    const auto out = run(*transform, bytes, id);
    auto sorted = out;
    std::sort(sorted.begin(), sorted.end());
    ASSERT_EQ(sorted, counting_volume({3, 3, 3}).voxels);
    seen.insert(out);
  }
  EXPECT_EQ(seen.size(), 48U);  // All symmetries of the cube.
}

TEST(VolumeTransformTest, TurnsOnlyPlanesWithEqualSides) {
  VolumeTransformConfig config = plain_config({2, 3, 3});
  config.random_flip = false;
  const auto transform = make_volume_train_transform(config);
  std::set<std::vector<float>> seen;
  for (uint64_t id = 0; id < 200; ++id) {
    seen.insert(run(*transform, counting_file({2, 3, 3}), id));
  }
  EXPECT_EQ(seen.size(), 4U);
}

TEST(VolumeTransformTest, DoesNothingRandomWhenAllIsOff) {
  VolumeTransformConfig config = plain_config({2, 3, 4});
  config.max_shift = 0;
  config.random_flip = config.random_rot90 = false;
  const Bytes bytes = counting_file({5, 6, 7});
  EXPECT_EQ(run(*make_volume_train_transform(config), bytes, 1),
            run(*make_volume_eval_transform(config), bytes, 2));
}

TEST(VolumeTransformTest, ResizesAnyScanToItsShape) {
  VolumeTransformConfig config = plain_config({4, 4, 4});
  config.fit = "resize";
  const Bytes bytes = counting_file({2, 9, 5});
  const auto eval = run(*make_volume_eval_transform(config), bytes);
  auto train = run(*make_volume_train_transform(config), bytes, 9);
  EXPECT_EQ(eval.size(), 64U);
  auto sorted = eval;
  std::sort(sorted.begin(), sorted.end());
  std::sort(train.begin(), train.end());
  EXPECT_EQ(sorted, train);
}

template <typename Change>
void expect_refused(Change change, std::initializer_list<std::string> parts) {
  VolumeTransformConfig config;
  change(config);
  expect_error<ConfigError>([&] { config.validate("data.volume"); }, parts);
}

TEST(VolumeTransformTest, RefusesFieldsOutOfRange) {
  VolumeTransformConfig().validate("data.volume");
  expect_refused([](auto& c) { c.shape[1] = 0; },
                 {"data.volume.shape = 0", "1 to 1024", "nearest: 1"});
  expect_refused([](auto& c) { c.fit = "resise"; },
                 {"fit = 'resise'", "crop or resize", "nearest: resize"});
  expect_refused([](auto& c) { c.max_shift = -1; },
                 {"max_shift = -1", "nearest: 0"});
  expect_refused([](auto& c) { c.normalize = "fix"; },
                 {"normalize = 'fix'", "nearest: fixed"});
  expect_refused([](auto& c) { c.std = -1.0; }, {"std = -1"});
  expect_refused([](auto& c) { c.mean = NAN; }, {"mean = nan"});
}

}  // namespace
}  // namespace voxlift::dataio
