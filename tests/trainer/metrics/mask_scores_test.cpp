#include "trainer/metrics/mask_scores.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "tests/support/expect_error.h"

namespace voxlift::trainer {
namespace {

using Mask = std::vector<uint8_t>;

constexpr Grid kGrid = {{5, 7, 6}, {2.5, 0.8, 1.1}};

Mask random_mask(uint64_t seed, double share, const Grid& grid = kGrid) {
  RandomStream random(seed, Purpose::kShuffle, 0, 0);
  Mask mask(static_cast<size_t>(grid.num_voxels()));
  for (uint8_t& value : mask) {
    value = random.bernoulli(share) ? 1 : 0;
  }
  return mask;
}

std::array<int64_t, 3> place_of(const Grid& grid, int64_t i) {
  return {i / (grid.shape[1] * grid.shape[2]),
          i / grid.shape[2] % grid.shape[1], i % grid.shape[2]};
}

double squared_gap(const Grid& grid, int64_t i, int64_t j) {
  const auto a = place_of(grid, i);
  const auto b = place_of(grid, j);
  double sum = 0.0;
  for (size_t axis = 0; axis < 3; ++axis) {
    const double gap =
        grid.spacing_mm[axis] * static_cast<double>(a[axis] - b[axis]);
    sum += gap * gap;
  }
  return sum;
}

TEST(SquaredDistancesTest, AreThoseToTheNearestVoxel) {
  for (const double share : {0.02, 0.2, 0.9}) {
    const Mask mask = random_mask(3, share);
    const auto found = squared_distances(mask, kGrid);
    for (int64_t i = 0; i < kGrid.num_voxels(); ++i) {
      double nearest = std::numeric_limits<double>::infinity();
      for (int64_t j = 0; j < kGrid.num_voxels(); ++j) {
        if (mask[static_cast<size_t>(j)] != 0) {
          nearest = std::min(nearest, squared_gap(kGrid, i, j));
        }
      }
      EXPECT_NEAR(found[static_cast<size_t>(i)], nearest, 1e-9);
    }
  }
}

TEST(SquaredDistancesTest, AreInfiniteForAnEmptyMask) {
  const auto found = squared_distances(Mask(210), kGrid);
  EXPECT_TRUE(std::all_of(found.begin(), found.end(),
                          [](double d) { return std::isinf(d); }));
}

TEST(ComponentsTest, AgreeWithAFloodFill) {
  for (const Neighbours neighbours : {Neighbours::kFaces, Neighbours::kAll}) {
    const int64_t reach = neighbours == Neighbours::kFaces ? 1 : 3;
    const Mask mask = random_mask(5, 0.35);
    const Components found = connected_components(mask, kGrid, neighbours);
    const auto touch = [&](int64_t i, int64_t j) {
      const auto a = place_of(kGrid, i);
      const auto b = place_of(kGrid, j);
      int64_t sum = 0;
      int64_t most = 0;
      for (size_t axis = 0; axis < 3; ++axis) {
        sum += std::abs(a[axis] - b[axis]);
        most = std::max(most, std::abs(a[axis] - b[axis]));
      }
      return most <= 1 && sum <= reach;
    };
    // Equal labels of touching voxels; as many labels as floods.
    int64_t floods = 0;
    std::vector<bool> seen(mask.size());
    for (int64_t start = 0; start < kGrid.num_voxels(); ++start) {
      const auto s = static_cast<size_t>(start);
      EXPECT_EQ(mask[s] == 0, found.label[s] == 0);
      if (mask[s] == 0 || seen[s]) {
        continue;
      }
      ++floods;
      std::vector<int64_t> open = {start};
      int64_t voxels = 0;
      seen[s] = true;
      while (!open.empty()) {
        const int64_t i = open.back();
        open.pop_back();
        ++voxels;
        EXPECT_EQ(found.label[static_cast<size_t>(i)], floods);
        for (int64_t j = 0; j < kGrid.num_voxels(); ++j) {
          const auto k = static_cast<size_t>(j);
          if (mask[k] != 0 && !seen[k] && touch(i, j)) {
            seen[k] = true;
            open.push_back(j);
          }
        }
      }
      EXPECT_EQ(found.voxels[static_cast<size_t>(floods) - 1], voxels);
    }
    EXPECT_EQ(static_cast<int64_t>(found.voxels.size()), floods);
  }
}

TEST(ComponentsTest, KeepTheLargest) {
  const Grid line = {{1, 1, 8}, {1, 1, 1}};
  Mask mask = {1, 0, 2, 2, 0, 3, 3, 0};
  keep_largest_component(mask, line, Neighbours::kFaces);
  EXPECT_EQ(mask, (Mask{0, 0, 2, 2, 0, 0, 0, 0}));
  Mask empty(8);
  keep_largest_component(empty, line, Neighbours::kFaces);
  EXPECT_EQ(empty, Mask(8));
}

TEST(OverlapTest, CountsEveryClass) {
  const Mask predicted = {0, 1, 1, 2, 2, 0};
  const Mask reference = {0, 1, 2, 2, 255, 1};
  const auto counts = count_overlap(predicted, reference, 3);
  EXPECT_DOUBLE_EQ(counts[0].dice(), 2.0 * 1 / (2 + 1));
  EXPECT_DOUBLE_EQ(counts[1].dice(), 2.0 * 1 / (2 + 2));
  EXPECT_DOUBLE_EQ(counts[1].iou(), 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(counts[2].dice(), 2.0 * 1 / (1 + 2));
}

TEST(OverlapTest, IsOneWhereBothAreEmptyAndZeroWhereOneIs) {
  const auto counts = count_overlap(Mask{0, 0}, Mask{0, 1}, 3);
  EXPECT_EQ(counts[1].dice(), 0.0);
  EXPECT_EQ(counts[2].dice(), 1.0);
  EXPECT_EQ(counts[2].iou(), 1.0);
}

TEST(OverlapTest, NamesALabelThatIsNoClass) {
  test::expect_error<DataError>(
      [] { (void)count_overlap(Mask{0}, Mask{3}, 3); },
      {"reference mask has label 3", "3 classes"});
}

TEST(SurfaceDistancesTest, MeasureAShiftedCube) {
  const Grid grid = {{12, 12, 12}, {1.0, 2.0, 0.5}};
  Mask a(1728);
  Mask b(1728);
  for (int64_t z = 3; z < 8; ++z) {
    for (int64_t y = 3; y < 8; ++y) {
      for (int64_t x = 3; x < 8; ++x) {
        a[static_cast<size_t>((z * 12 + y) * 12 + x)] = 1;
        b[static_cast<size_t>((z * 12 + y + 1) * 12 + x)] = 1;
      }
    }
  }
  const SurfaceDistances shifted(a, b, grid);
  EXPECT_DOUBLE_EQ(*shifted.hd95(), 2.0);  // One voxel of 2 mm.
  EXPECT_EQ(shifted.surface_dice(2.0), 1.0);
  EXPECT_LT(shifted.surface_dice(0.4), 1.0);
  const SurfaceDistances same(a, a, grid);
  EXPECT_EQ(*same.hd95(), 0.0);
  EXPECT_EQ(same.surface_dice(0.0), 1.0);
}

TEST(SurfaceDistancesTest, TellEmptyMasks) {
  const Mask empty(210);
  const Mask full(210, 1);
  EXPECT_EQ(*SurfaceDistances(empty, empty, kGrid).hd95(), 0.0);
  EXPECT_FALSE(SurfaceDistances(empty, full, kGrid).hd95().has_value());
  EXPECT_EQ(SurfaceDistances(empty, empty, kGrid).surface_dice(1.0), 1.0);
  EXPECT_EQ(SurfaceDistances(full, empty, kGrid).surface_dice(1.0), 0.0);
}

TEST(LesionsTest, AreFoundOnce) {
  const Grid line = {{1, 1, 12}, {1, 1, 1}};
  const Mask reference = {1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0};
  const Mask predicted = {0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1};
  const LesionCounts counts = count_lesions(predicted, reference, line, 0.1);
  EXPECT_EQ(counts.lesions, 3);
  EXPECT_EQ(counts.found, 1);  // The joined component counts once.
  EXPECT_EQ(counts.false_alarms, 1);
  EXPECT_EQ(count_lesions(predicted, reference, line, 0.9).found, 0);
}

}  // namespace
}  // namespace voxlift::trainer
