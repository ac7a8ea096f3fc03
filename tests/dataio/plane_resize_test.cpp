#include "dataio/transform/plane_resize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dataio/transform/resize.h"
#include "tests/dataio/made_jpeg.h"
#include "tests/support/expect_error.h"

namespace voxlift::dataio {
namespace {

using voxlift::test::expect_error;

// Gives the rows of a picture from column `left` on.
class ImageRows : public RowSource {
 public:
  ImageRows(const Image& image, int64_t left) : image_(image), left_(left) {}

  const uint8_t* row(int64_t y) override {
    EXPECT_GE(y, last_ - 1);
    last_ = y;
    return image_.pixel(y, left_);
  }

 private:
  const Image& image_;
  const int64_t left_;
  int64_t last_ = 0;
};

std::vector<float> resize(const Image& image, const ResizePlan& plan,
                          const PlaneOutput& output) {
  const PhotoRegion region = plan_photo_region(plan);
  EXPECT_EQ(region.region.scale, 8);
  ImageRows rows(image, region.region.box.left);
  std::vector<float> out(
      static_cast<size_t>(3 * plan.window.height * plan.window.width));
  PlaneResizer resizer;
  resizer.resize(region, rows, output, out);
  return out;
}

float largest_difference(const std::vector<float>& a,
                         const std::vector<float>& b) {
  float largest = 0.0F;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

void expect_like_reference(const Image& image, const ResizePlan& plan,
                           const std::array<int, 3>& order) {
  std::vector<float> wanted(
      static_cast<size_t>(3 * plan.window.height * plan.window.width));
  resize_bilinear(image, plan, order, wanted);
  EXPECT_LT(
      largest_difference(resize(image, plan, {.plane_of = order}), wanted),
      1.0F);
}

TEST(PlaneResizeTest, EqualsTheReferenceWithinOneOf255) {
  const Image image = test::noisy_image(75, 111);
  for (const int64_t size : {56, 57, 59, 80, 224}) {
    const CropBox all = {0, 0, size, size};
    expect_like_reference(image, {{5, 9, 60, 100}, size, size, all}, {0, 1, 2});
    expect_like_reference(image, {{0, 0, 75, 111}, size, size, all}, {2, 0, 1});
    expect_like_reference(image, {{74, 110, 1, 1}, size, size, all}, {1, 2, 0});
  }
  expect_like_reference(image, {{5, 9, 60, 100}, 50, 90, {7, 11, 10, 20}},
                        {0, 1, 2});
}

TEST(PlaneResizeTest, CopiesAtEqualSizes) {
  const Image image = test::noisy_image(33, 46);
  const auto out = resize(image, {{0, 0, 33, 46}, 33, 46, {0, 0, 33, 46}}, {});
  for (size_t i = 0; i < 33 * 46; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      ASSERT_FLOAT_EQ(out[c * 33 * 46 + i], image.rgb[3 * i + c]);
    }
  }
}

TEST(PlaneResizeTest, MirrorsLeftAndRight) {
  const Image image = test::noisy_image(31, 29);
  const ResizePlan plan = {{2, 3, 20, 25}, 18, 17, {0, 0, 18, 17}};
  auto straight = resize(image, plan, {});
  const auto mirrored = resize(image, plan, {.flip = true});
  for (auto row = straight.begin(); row != straight.end(); row += 17) {
    std::reverse(row, row + 17);
  }
  EXPECT_EQ(straight, mirrored);
}

TEST(PlaneResizeTest, Normalises) {
  const Image image = test::plain_image(9, 9, {10, 20, 250});
  const auto out = resize(image, {{0, 0, 9, 9}, 5, 5, {0, 0, 5, 5}},
                          {.mean = 114.495, .std = 57.63});
  EXPECT_FLOAT_EQ(out[0], (10.0F - 114.495F) / 57.63F);
  EXPECT_FLOAT_EQ(out[25], (20.0F - 114.495F) / 57.63F);
  EXPECT_FLOAT_EQ(out[74], (250.0F - 114.495F) / 57.63F);
}

TEST(PlaneResizeTest, RefusesAnOutputOfAnotherSize) {
  const Image image = test::plain_image(9, 9, {});
  ImageRows rows(image, 0);
  std::vector<float> out(74);
  const PhotoRegion region =
      plan_photo_region({{0, 0, 9, 9}, 5, 5, {0, 0, 5, 5}});
  PlaneResizer resizer;
  expect_error<InternalError>([&] { resizer.resize(region, rows, {}, out); },
                              {"size of the output"});
}

TEST(PhotoRegionTest, HalvesOnlyWhatStaysLargeEnough) {
  const auto scale_of = [](int64_t height, int64_t width) {
    return plan_photo_region(
               {{0, 0, height, width}, 224, 224, {0, 0, 224, 224}})
        .region.scale;
  };
  EXPECT_EQ(scale_of(100, 100), 8);
  EXPECT_EQ(scale_of(447, 2000), 8);
  EXPECT_EQ(scale_of(448, 448), 4);
  EXPECT_EQ(scale_of(896, 900), 2);
  EXPECT_EQ(scale_of(1792, 5000), 1);
  EXPECT_EQ(scale_of(30000, 30000), 1);
}

// Pixel k of the half-size picture lies between pixels 2k and 2k + 1.
TEST(PhotoRegionTest, FindsTheSamplesInAScaledPicture) {
  const PhotoRegion half =
      plan_photo_region({{100, 200, 448, 896}, 224, 224, {0, 0, 224, 224}});
  EXPECT_EQ(half.region.scale, 4);
  EXPECT_DOUBLE_EQ(half.rows.at(0), 50.0);
  EXPECT_DOUBLE_EQ(half.rows.at(223), 273.0);
  EXPECT_DOUBLE_EQ(half.columns.at(0), 100.5);
  EXPECT_DOUBLE_EQ(half.columns.at(223), 546.5);
  EXPECT_EQ(half.region.box, (CropBox{50, 100, 224, 448}));
}

TEST(PhotoRegionTest, KeepsToTheLastPixelOfAnOddSize) {
  const PhotoRegion region =
      plan_photo_region({{0, 0, 451, 453}, 224, 224, {0, 0, 224, 224}});
  EXPECT_EQ(region.region.scale, 4);
  EXPECT_EQ(region.region.box, (CropBox{0, 0, 226, 227}));
}

}  // namespace
}  // namespace voxlift::dataio
