#include "dataio/recipe/scan_geometry.h"

#include <gtest/gtest.h>

#include <cmath>

#include "dataio/recipe/recipe.h"
#include "tests/dataio/made_scans.h"
#include "tests/support/expect_error.h"

namespace voxlift::dataio {
namespace {

using test::counting_scan;
using test::for_each_voxel;
using test::world_of;
using voxlift::test::expect_error;

// Oblique, sheared a little, anisotropic and left-handed.
constexpr Affine kOblique = {
    {{0.3, -0.1, -0.8, 40.0}, {0.2, 0.9, 0.1, -75.0}, {2.4, 0.2, -0.1, 300.0}}};

// Every voxel's value is its place in the patient along a world axis.
Scan world_scan(const Shape3& shape, const Affine& affine, size_t world_axis) {
  Scan scan = counting_scan(shape);
  scan.image.affine = affine;
  scan.image.spacing_mm = {2.5, 1.0, 0.8};
  for_each_voxel(shape, [&](size_t i, const Shape3& at) {
    const std::array<double, 3> place = {static_cast<double>(at[0]),
                                         static_cast<double>(at[1]),
                                         static_cast<double>(at[2])};
    scan.image.voxels[i] =
        static_cast<float>(world_of(affine, place)[world_axis]);
  });
  return scan;
}

// Edges are clamped where the scan was resampled, so only voxels at least
// `rim` from the border are looked at.
void expect_in_place(const Scan& scan, size_t world_axis, int64_t rim,
                     const std::string& what) {
  int64_t num_seen = 0;
  for_each_voxel(scan.image.shape, [&](size_t i, const Shape3& at) {
    for (size_t k = 0; k < 3; ++k) {
      if (at[k] < rim || at[k] >= scan.image.shape[k] - rim) {
        return;
      }
    }
    const std::array<double, 3> place = {static_cast<double>(at[0]),
                                         static_cast<double>(at[1]),
                                         static_cast<double>(at[2])};
    ++num_seen;
    ASSERT_NEAR(scan.image.voxels[i],
                world_of(scan.image.affine, place)[world_axis], 1e-3)
        << what << " voxel " << i;
  });
  EXPECT_GT(num_seen, 0) << what;
}

TEST(ScanGeometryTest, EveryGridStepKeepsVoxelsAtTheirPlace) {
  for (const std::string steps :
       {"orient:RAS", "orient:IPR", "crop:5,4,3", "pad:9,9,12,0",
        "resize:5,14,20", "resample:1,2,0.5", "resample:0,2,0",
        "orient:SLA resample:1,1,1 crop:6,6,6"}) {
    for (size_t axis = 0; axis < 3; ++axis) {
      Scan scan = world_scan({8, 9, 10}, kOblique, axis);
      parse_recipe(steps).apply(scan, "x");
      const bool padded = steps[0] == 'p';
      if (padded) {  // What was added has no value of its own.
        crop_scan(scan, {{1, 0, 1}, {8, 9, 10}}, 0.0F, "x");
      }
      const bool resampled = steps.find("res") != std::string::npos;
      expect_in_place(scan, axis, resampled ? 2 : 0, steps);
    }
  }
}

TEST(ScanGeometryTest, AllOrientationsAreReachedExactly) {
  std::vector<std::string> codes;
  for (const std::string letters : {"RAS", "RSA", "ARS", "ASR", "SRA", "SAR"}) {
    for (int mirrored = 0; mirrored < 8; ++mirrored) {
      std::string code = letters;
      for (size_t i = 0; i < 3; ++i) {
        const char letter = letters[i];
        const char opposite = letter == 'R' ? 'L' : letter == 'A' ? 'P' : 'I';
        code[i] = (mirrored >> i & 1) == 1 ? opposite : letter;
      }
      codes.push_back(code);
    }
  }
  for (const std::string& code : codes) {
    Scan scan = world_scan({3, 4, 5}, kOblique, 1);
    const std::vector<float> before = scan.image.voxels;
    parse_recipe("orient:" + code).apply(scan, "x");
    expect_in_place(scan, 1, 0, code);
    // Once there, the same step changes nothing.
    const std::vector<float> there = scan.image.voxels;
    const Affine affine = scan.image.affine;
    parse_recipe("orient:" + code).apply(scan, "x");
    EXPECT_EQ(scan.image.voxels, there) << code;
    EXPECT_EQ(scan.image.affine, affine) << code;
    // And back: kOblique is L, A, S along width, height, depth.
    parse_recipe("orient:LAS").apply(scan, "x");
    EXPECT_EQ(scan.image.voxels, before) << code;
    EXPECT_EQ(scan.image.spacing_mm, (std::array<double, 3>{2.5, 1.0, 0.8}));
  }
}

TEST(ScanGeometryTest, OrientsTheLettersToWidthHeightDepth) {
  Scan scan = counting_scan({1, 1, 3});  // Width to the right.
  parse_recipe("orient:LAS").apply(scan, "x");
  EXPECT_EQ(scan.image.voxels, (std::vector<float>{2, 1, 0}));
  EXPECT_EQ(scan.image.affine[0], (std::array<double, 4>{0, 0, -1, 2}));
  parse_recipe("orient:ASR").apply(scan, "x");  // Depth to the right.
  EXPECT_EQ(scan.image.shape, (Shape3{3, 1, 1}));
  EXPECT_EQ(scan.image.voxels, (std::vector<float>{0, 1, 2}));
}

LabelledBox whole_box() {
  return {{2, 1, 3}, {4, 5, 6}, 7};
}

// World points of two opposite corners.
std::array<std::array<double, 3>, 2> corners(const Scan& scan, size_t i) {
  auto low = scan.boxes[i].low;
  auto high = scan.boxes[i].high;
  for (size_t k = 0; k < 3; ++k) {
    low[k] -= 0.5;  // The edge of voxel x is half a voxel before its centre.
    high[k] -= 0.5;
  }
  return {world_of(scan.image.affine, low), world_of(scan.image.affine, high)};
}

TEST(ScanGeometryTest, BoxesAndMaskMoveWithTheVoxels) {
  for (const std::string steps :
       {"orient:RAS", "orient:PIL", "crop:5,6,8", "pad:9,9,12,0",
        "resize:16,27,20", "orient:ARS resize:16,20,18"}) {
    Scan scan = world_scan({8, 9, 10}, kOblique, 0);
    scan.boxes = {whole_box()};
    scan.mask = test::mask_of_box(scan.image.shape, whole_box());
    const auto before = corners(scan, 0);
    parse_recipe(steps).apply(scan, "x");
    ASSERT_EQ(scan.boxes.size(), 1U);
    EXPECT_EQ(scan.boxes[0].label, 7);
    const LabelledBox seen = test::box_of_mask(scan.mask, scan.image.shape);
    for (size_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(seen.low[k], scan.boxes[0].low[k], 1e-9) << steps;
      EXPECT_NEAR(seen.high[k], scan.boxes[0].high[k], 1e-9) << steps;
      // Mirrored axes swap the corners' ends; the middle stays.
      const auto after = corners(scan, 0);
      EXPECT_NEAR(after[0][k] + after[1][k], before[0][k] + before[1][k], 1e-9)
          << steps;
    }
  }
}

TEST(ScanGeometryTest, KeySliceMovesWithTheVoxels) {
  Scan scan = counting_scan({8, 2, 2});
  scan.key_slice = 2;
  parse_recipe("orient:RAI").apply(scan, "x");
  EXPECT_EQ(scan.key_slice, 5);
  parse_recipe("crop:6,0,0").apply(scan, "x");
  EXPECT_EQ(scan.key_slice, 4);
  parse_recipe("resize:12,0,0").apply(scan, "x");
  EXPECT_EQ(scan.key_slice, 9);  // Old slice 4 is new 8 to 10; its centre is 9.
}

TEST(ScanGeometryTest, RefusesToLoseBoxesAndKeySlices) {
  Scan scan = counting_scan({8, 8, 8});
  scan.boxes = {{{3, 3, 3}, {5, 5, 5}, 0}, {{0, 0, 0}, {1, 1, 1}, 0}};
  expect_error<DataError>(
      [&] { parse_recipe("crop:4,4,4").apply(scan, "a.nii"); },
      {"a.nii", "crop:4,4,4", "nothing is left of box 1", "4 x 4 x 4"});
  Scan keyed = counting_scan({8, 8, 8});
  keyed.key_slice = 7;
  expect_error<DataError>(
      [&] { parse_recipe("crop:4,0,0").apply(keyed, "a.nii"); },
      {"a.nii", "key slice 7", "slices 2 to 5"});
  expect_error<DataError>(
      [&] { parse_recipe("orient:ASR").apply(keyed, "a.nii"); },
      {"a.nii", "key slice 7", "another axis"});
}

TEST(ScanGeometryTest, RefusesAnAffineWithoutDirections) {
  Scan scan = counting_scan({2, 2, 2});
  scan.image.affine = Affine{};
  expect_error<DataError>(
      [&] { parse_recipe("orient:RAS").apply(scan, "a.nii"); },
      {"a.nii", "orient:RAS", "no direction along depth", "length 0 mm"});
  scan.image.affine = kIdentityAffine;
  scan.image.affine[0][2] = NAN;
  expect_error<DataError>(
      [&] { parse_recipe("orient:RAS").apply(scan, "a.nii"); },
      {"no direction along width", "nan"});
}

TEST(ScanGeometryTest, ResamplesByTheRuleOfHalfPixelCentres) {
  Scan scan = counting_scan({1, 1, 4});
  scan.image.voxels = {0, 100, 200, 300};
  scan.image.spacing_mm = {1.0, 1.0, 2.0};
  scan.mask = {0, 0, 1, 2};
  parse_recipe("resample:0,0,1").apply(scan, "x");
  EXPECT_EQ(scan.image.voxels,
            (std::vector<float>{0, 25, 75, 125, 175, 225, 275, 300}));
  EXPECT_EQ(scan.mask, (std::vector<uint8_t>{0, 0, 0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(scan.image.spacing_mm[2], 1.0);
  parse_recipe("resize:0,0,2").apply(scan, "x");
  EXPECT_EQ(scan.image.voxels, (std::vector<float>{50, 250}));
  EXPECT_EQ(scan.mask, (std::vector<uint8_t>{0, 2}));
}

TEST(ScanGeometryTest, RoundsTheNumberOfVoxelsAndKeepsTheFieldOfView) {
  Scan scan = counting_scan({7, 1, 1});
  scan.image.spacing_mm = {2.5, 1.0, 1.0};
  parse_recipe("resample:2,0,0").apply(scan, "x");
  EXPECT_EQ(scan.image.shape[0], 9);  // 17.5 mm / 2 mm = 8.75.
  EXPECT_DOUBLE_EQ(scan.image.spacing_mm[0], 17.5 / 9.0);
  parse_recipe("resample:1000,0,0").apply(scan, "x");
  EXPECT_EQ(scan.image.shape[0], 1);
}

TEST(ScanGeometryTest, RefusesSpacingsThatMakeNoGrid) {
  for (const double spacing :
       {0.0, -1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    Scan scan = counting_scan({2, 2, 2});
    scan.image.spacing_mm[1] = spacing;
    expect_error<DataError>(
        [&] { parse_recipe("resample:1,1,1").apply(scan, "a.nii"); },
        {"a.nii", "resample:1,1,1", "along height", "more than 0"});
  }
  Scan scan = counting_scan({2, 2, 2});
  expect_error<DataError>(
      [&] { parse_recipe("resample:1e-300,1e-6,1e-6").apply(scan, "a.nii"); },
      {"a.nii", "2e+06", "more than 1.07374e+09"});
}

TEST(ScanGeometryTest, CropsToTheForegroundWithItsMargin) {
  Scan scan = counting_scan({6, 6, 6});
  scan.image.voxels.assign(216, -1000.0F);
  scan.image.voxels[(2 * 6 + 3) * 6 + 5] = 10.0F;
  scan.image.voxels[(3 * 6 + 3) * 6 + 4] = 20.0F;
  Scan tight = scan;
  parse_recipe("foreground:-500,0").apply(tight, "x");
  EXPECT_EQ(tight.image.shape, (Shape3{2, 1, 2}));
  EXPECT_EQ(tight.image.voxels, (std::vector<float>{-1000, 10, 20, -1000}));
  parse_recipe("foreground:-500,1").apply(scan, "x");
  EXPECT_EQ(scan.image.shape, (Shape3{4, 3, 3}));  // The scan ends at w = 5.
  expect_error<DataError>(
      [&] { parse_recipe("foreground:20,1").apply(scan, "a.nii"); },
      {"a.nii", "none of 36 voxels is above 20"});
}

TEST(ScanGeometryTest, LeavesScansOfOneVoxelWhole) {
  Scan scan = counting_scan({1, 1, 1});
  scan.image.voxels = {5.0F};
  scan.mask = {1};
  parse_recipe("orient:ASR crop:3,3,3 resample:0.5,0.5,0.5 zscore")
      .apply(scan, "x");
  EXPECT_EQ(scan.image.voxels, std::vector<float>(8, 0.0F));
  EXPECT_EQ(scan.mask, std::vector<uint8_t>(8, 1));
}

}  // namespace
}  // namespace voxlift::dataio
