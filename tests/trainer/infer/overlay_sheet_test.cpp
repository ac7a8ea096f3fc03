#include "trainer/infer/overlay_sheet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "dataio/decode/decoder.h"
#include "dataio/memory_volume.h"
#include "tests/support/expect_error.h"

namespace voxlift::trainer {
namespace {

using dataio::Color;
using test::expect_error;

// Pixels of `color`.
int64_t count(const dataio::Image& image, const Color& color) {
  int64_t found = 0;
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      found +=
          std::equal(color.begin(), color.end(), image.pixel(y, x)) ? 1 : 0;
    }
  }
  return found;
}

dataio::Volume ramp(const dataio::Shape3& shape) {
  dataio::Volume volume;
  volume.shape = shape;
  volume.voxels.resize(static_cast<size_t>(volume.num_voxels()));
  std::iota(volume.voxels.begin(), volume.voxels.end(), 0.0F);
  return volume;
}

// Voxels are drawn 16 pixels wide: the outline of 4 x 3 voxels is 2 * (64 + 48)
// - 4 pixels.
TEST(MaskSheetTest, ShowsTheSlicesThatHaveAMask) {
  const dataio::Volume scan = ramp({5, 12, 16});
  std::vector<uint8_t> labels(scan.voxels.size());
  for (int64_t h = 2; h < 6; ++h) {
    for (int64_t w = 3; w < 6; ++w) {
      labels[static_cast<size_t>((3 * 12 + h) * 16 + w)] = 2;
    }
  }
  const dataio::Image sheet =
      dataio::decode_image(mask_sheet(scan, labels, {}), "sheet");
  EXPECT_EQ(sheet.width, 256 + 2 * 4);  // One slice.
  EXPECT_EQ(count(sheet, dataio::class_color(2)), 2 * (64 + 48) - 4);
  EXPECT_EQ(count(sheet, dataio::class_color(1)), 0);
}

TEST(MaskSheetTest, ShowsAllSlicesWhereThereIsNoMask) {
  const dataio::Volume scan = ramp({3, 10, 16});
  const std::vector<uint8_t> labels(scan.voxels.size());
  const dataio::Image sheet =
      dataio::decode_image(mask_sheet(scan, labels, {}), "sheet");
  EXPECT_EQ(sheet.width, 3 * (256 + 4) + 4);
}

TEST(MaskSheetTest, TheWindowIsAnOption) {
  const dataio::Volume scan = ramp({1, 16, 16});
  const std::vector<uint8_t> labels(256);
  const dataio::Image sheet = dataio::decode_image(
      mask_sheet(scan, labels, {.window = {64, 128}}), "sheet");
  EXPECT_EQ(sheet.pixel(4 + 10, 4 + 10)[0], 0);
  EXPECT_EQ(sheet.pixel(4 + 250, 4 + 250)[0], 255);
}

TEST(SpreadSlicesTest, KeepsTheEndsAndAtMostSoMany) {
  std::vector<int64_t> slices(100);
  std::iota(slices.begin(), slices.end(), 7);
  const auto chosen = spread_slices(slices);
  EXPECT_EQ(chosen.size(), kMostSlices);
  EXPECT_EQ(chosen.front(), 7);
  EXPECT_EQ(chosen.back(), 106);
  EXPECT_TRUE(std::is_sorted(chosen.begin(), chosen.end()));
  slices.resize(3);
  EXPECT_EQ(spread_slices(slices), slices);
}

class BoxSheetTest : public ::testing::Test {
 protected:
  dataio::Image sheet(const std::vector<DrawnBox>& boxes) {
    dataio::Scan scan;
    scan.image = ramp({30, 16, 16});
    const auto source = dataio::make_memory_volume(std::move(scan), "scan");
    return dataio::decode_image(box_sheet(*source, boxes, {0, 7680}, {}),
                                "sheet");
  }
};

TEST_F(BoxSheetTest, ShowsTheSlicesWithTheBestScores) {
  // 30 slices of 256 pixels: the 24 best are six columns and four rows.
  std::vector<DrawnBox> boxes;
  for (int64_t d = 0; d < 30; ++d) {
    boxes.push_back({d, {8, 8, 12, 12}, d < 6 ? 0.4 : 0.9, d < 6 ? 1 : 0});
  }
  const dataio::Image all = sheet(boxes);
  EXPECT_EQ(all.width, 6 * 260 + 4);
  EXPECT_GT(count(all, dataio::class_color(0)), 24 * (4 * 64 - 4));
  EXPECT_EQ(count(all, dataio::class_color(1)), 0);
}

TEST_F(BoxSheetTest, LeavesOutLowScores) {
  const dataio::Image one =
      sheet({{4, {8, 8, 12, 12}, 0.31, 3}, {9, {8, 8, 12, 12}, 0.29, 5}});
  EXPECT_EQ(one.width, 264);
  EXPECT_GT(count(one, dataio::class_color(3)), 0);
  const dataio::Image none = sheet({{9, {8, 8, 12, 12}, 0.29, 5}});
  EXPECT_EQ(none.width, 6 * 260 + 4);  // All slices.
  EXPECT_EQ(count(none, dataio::class_color(5)), 0);
}

TEST(OverlayConfigTest, RefusesBadValues) {
  OverlayConfig config;
  config.window = {200, -100};
  expect_error<ConfigError>([&] { config.validate(""); },
                            {"overlay-window = 200,-100: must be two numbers"});
  config.window = {};
  config.min_score = 1.5;
  expect_error<ConfigError>([&] { config.validate(""); },
                            {"overlay-min-score = 1.5: must be in [0, 1]"});
}

}  // namespace
}  // namespace voxlift::trainer
