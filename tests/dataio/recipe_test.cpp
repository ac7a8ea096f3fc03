#include "dataio/recipe/recipe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/files.h"
#include "dataio/decode/decoder.h"
#include "dataio/memory_volume.h"
#include "tests/dataio/made_files.h"
#include "tests/dataio/made_scans.h"
#include "tests/support/expect_error.h"
#include "tests/support/shared_data.h"

namespace voxlift::dataio {
namespace {

using voxlift::test::expect_error;
using voxlift::test::shared_data;
using voxlift::test::shared_data_missing;

Scan line_scan(const std::vector<float>& voxels) {
  Scan scan = test::counting_scan({1, 1, static_cast<int64_t>(voxels.size())});
  scan.image.voxels = voxels;
  return scan;
}

std::vector<float> applied(const std::string& steps,
                           const std::vector<float>& voxels) {
  Scan scan = line_scan(voxels);
  parse_recipe(steps).apply(scan, "x");
  return scan.image.voxels;
}

TEST(RecipeTest, ChangesIntensitiesAsWritten) {
  EXPECT_EQ(applied("clip:-1000,400", {-2000, 0, 3000}),
            (std::vector<float>{-1000, 0, 400}));
  EXPECT_EQ(applied("window:-200,250", {-300, -200, 25, 250, 900}),
            (std::vector<float>{0, 0, 127.5F, 255, 255}));
  EXPECT_EQ(applied("window8:-200,250", {-300, 25, 248, 900}),
            (std::vector<float>{0, 127, 253, 255}));
  EXPECT_EQ(applied("truncate", {-1.7F, 1.7F}), (std::vector<float>{-1, 1}));
  EXPECT_EQ(applied("scale:2,-1", {3, -4}), (std::vector<float>{5, -9}));
  EXPECT_EQ(applied("minmax:0,1", {10, 20, 30}),
            (std::vector<float>{0, 0.5F, 1}));
  EXPECT_EQ(applied("minmax:3,4", {7, 7}), (std::vector<float>{3, 3}));
  EXPECT_EQ(applied("zscore", {1, 3}), (std::vector<float>{-1, 1}));
  EXPECT_EQ(applied("zscore", {5, 5}), (std::vector<float>{0, 0}));
  EXPECT_EQ(applied("finite:-7", {NAN, 1, INFINITY}),
            (std::vector<float>{-7, 1, -7}));
}

// numpy.percentile([4, 1, 3, 2, 10], [10, 85]) is [1.4, 6.4].
TEST(RecipeTest, ClipsToPercentilesAsNumpyHasThem) {
  const auto out = applied("percentile:10,85", {4, 1, 3, 2, 10});
  const std::vector<float> wanted = {4, 1.4F, 3, 2, 6.4F};
  for (size_t i = 0; i < out.size(); ++i) {
    EXPECT_FLOAT_EQ(out[i], wanted[i]);
  }
  EXPECT_EQ(applied("percentile:0,100", {4, 1}), (std::vector<float>{4, 1}));
}

TEST(RecipeTest, AppliesStepsInTheirOrder) {
  EXPECT_EQ(applied("scale:2,0 clip:0,10", {8}), (std::vector<float>{10}));
  EXPECT_EQ(applied("clip:0,10 scale:2,0", {8}), (std::vector<float>{16}));
}

TEST(RecipeTest, MapsLabelsAtOnceAndKeepsTheRest) {
  Scan scan = line_scan({0, 0, 0, 0});
  scan.mask = {0, 1, 2, 3};
  parse_recipe("map_labels:1=2,2=1").apply(scan, "x");
  EXPECT_EQ(scan.mask, (std::vector<uint8_t>{0, 2, 1, 3}));
  Scan bare = line_scan({0});
  expect_error<DataError>(
      [&] { parse_recipe("map_labels:1=2").apply(bare, "a.nii"); },
      {"a.nii: map_labels:1=2: the scan has no mask"});
}

TEST(RecipeTest, RefusesStatisticsOfVoxelsThatAreNotFinite) {
  for (const std::string step : {"zscore", "minmax:0,1", "percentile:1,99"}) {
    Scan scan = line_scan({1, NAN, INFINITY});
    expect_error<DataError>([&] { parse_recipe(step).apply(scan, "a.nii"); },
                            {"a.nii", step, "2 of 3 voxels", "finite:VALUE"});
  }
}

TEST(RecipeTest, HasACanonicalTextThatReadsBack) {
  const std::vector<std::string> steps = {
      " orient:RAS ", "resample: 1, 1.50 ,0",   "clip:-1000.0,4e2",
      "truncate",     "map_labels:02=1, 1 = 1", "scale:0.1,-0"};
  const std::string text = parse_recipe(steps).text();
  EXPECT_EQ(text,
            "orient:RAS resample:1,1.5,0 clip:-1000,400 truncate "
            "map_labels:1=1,2=1 scale:0.1,0");
  EXPECT_EQ(parse_recipe(text).text(), text);
  EXPECT_EQ(parse_recipe("scale:0.30000000000000004,0").text(),
            "scale:0.30000000000000004,0");
  EXPECT_EQ(parse_recipe("").text(), "");
  EXPECT_TRUE(parse_recipe("").empty());
}

void expect_refused(const std::string& text,
                    std::initializer_list<std::string> parts) {
  expect_error<ConfigError>([&] { parse_recipe(text); }, parts);
}

TEST(RecipeTest, NamesTheStepThatItDoesNotKnow) {
  expect_refused(
      "clip:0,1 resampel:1,1,1",
      {"recipe step 2 'resampel:1,1,1'", "no such step", "nearest: resample"});
  expect_refused("Clip:0,1", {"'Clip:0,1'", "nearest: clip"});
  expect_refused(":", {"recipe step 1 ':'", "no such step"});
}

TEST(RecipeTest, SaysWhatAStepWants) {
  for (const std::string text : {"orient",           "orient:RAX",
                                 "orient:RRS",       "orient:ras",
                                 "orient:RASR",      "resample:1,1",
                                 "resample:1,1,-1",  "resample:1,1,nan",
                                 "resize:1.5,1,1",   "resize:-1,1,1",
                                 "resize:1e9,1,1",   "crop:1",
                                 "pad:1,1,1",        "pad:1,1,1,1e300",
                                 "foreground:1",     "foreground:1,-1",
                                 "foreground:1,0.5", "clip:1",
                                 "clip:1,1",         "clip:2,1",
                                 "clip:1,x",         "clip:1,2,3",
                                 "clip:,",           "window:5,5",
                                 "window8:",         "scale:1",
                                 "scale:inf,0",      "truncate:1",
                                 "zscore:1",         "minmax:1,0",
                                 "percentile:-1,50", "percentile:1,101",
                                 "finite",           "map_labels",
                                 "map_labels:1",     "map_labels:1=256",
                                 "map_labels:-1=0",  "map_labels:1=2,1=3",
                                 "map_labels:1=2=3"}) {
    const std::string name = text.substr(0, text.find(':'));
    expect_refused(text, {"recipe step 1 '" + text + "'", "want " + name});
  }
}

double foreground_share(const std::vector<uint8_t>& mask) {
  const auto count = std::count_if(mask.begin(), mask.end(),
                                   [](uint8_t label) { return label > 0; });
  return static_cast<double>(count) / static_cast<double>(mask.size());
}

TEST(RecipeTest, PreparesARealScan) {
  const std::string dir = shared_data("data/medical/acdc");
  if (dir.empty()) {
    GTEST_SKIP() << shared_data_missing("data/medical/acdc");
  }
  const auto read = [&](const std::string& below) {
    const std::string path = join_path(dir, below);
    return decode_volume(test::file_bytes(path), path);
  };
  Scan scan;
  scan.image = read("images/patient001_frame01.nii.gz");
  const Volume labels = read("labels/patient001_frame01.nii.gz");
  scan.mask.assign(labels.voxels.begin(), labels.voxels.end());
  const Shape3 before = scan.image.shape;
  const double share = foreground_share(scan.mask);
  ASSERT_GT(share, 0.0);
  parse_recipe("orient:RAS resample:5,0,0 percentile:0.5,99.5 zscore")
      .apply(scan, "patient001");
  EXPECT_EQ(scan.image.shape, (Shape3{2 * before[0], before[1], before[2]}));
  EXPECT_DOUBLE_EQ(scan.image.spacing_mm[0], 5.0);
  EXPECT_NEAR(foreground_share(scan.mask), share, 1e-9);
  const VoxelMoments moments = measure_voxels(scan.image.voxels);
  EXPECT_NEAR(moments.mean, 0.0, 1e-5);
  EXPECT_NEAR(moments.std, 1.0, 1e-5);
}

}  // namespace
}  // namespace voxlift::dataio
